"""Glue's transforms: their names can be imported, and each says at its first use that it is not there."""

from skewless.scripts.glue_transforms import TRANSFORMS

globals().update(TRANSFORMS)

__all__ = list(TRANSFORMS)
