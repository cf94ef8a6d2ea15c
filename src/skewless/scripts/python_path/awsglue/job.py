"""The job as its script sees it."""

from skewless.scripts.glue_context import Job

__all__ = ["Job"]
