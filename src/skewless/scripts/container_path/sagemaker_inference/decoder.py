"""Bodies to arrays."""

from skewless.scripts.toolkit.arrays import inference_decode as decode

__all__ = ["decode"]
