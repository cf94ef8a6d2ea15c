"""The toolkit's logger."""

from skewless.scripts.toolkit.functions import get_logger

__all__ = ["get_logger"]
