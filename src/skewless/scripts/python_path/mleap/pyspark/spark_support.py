"""Where MLeap has its serializer."""

from skewless.mleap import SimpleSparkSerializer

__all__ = ["SimpleSparkSerializer"]
