"""The table of contents of operations: importing it fills ``OPERATIONS``. One line for each group of them."""

from skewless.control.plane import OPERATIONS

__all__ = ["OPERATIONS"]
