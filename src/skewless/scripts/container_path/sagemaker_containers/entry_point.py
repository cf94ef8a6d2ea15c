"""Scripts as processes."""

from skewless.scripts.toolkit.modules import run_entry_point as run

__all__ = ["run"]
