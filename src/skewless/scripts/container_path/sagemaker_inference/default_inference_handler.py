"""The default functions as methods, to be derived from."""

from skewless.scripts.toolkit.functions import DefaultInferenceHandler

__all__ = ["DefaultInferenceHandler"]
