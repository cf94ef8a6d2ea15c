"""The table of contents of operations: importing it fills ``OPERATIONS``. One line for each group of them."""

from typing import Final

from skewless.control import (
    iam,
    iam_policies,
    log_events,
    logs,
    sts,
)
from skewless.control.plane import OPERATIONS

__all__ = ["GROUPS", "OPERATIONS"]

GROUPS: Final = (
    iam,
    iam_policies,
    log_events,
    logs,
    sts,
)
