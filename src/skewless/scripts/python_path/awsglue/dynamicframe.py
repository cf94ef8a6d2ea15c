"""Glue's frames, which are Spark's here."""

from skewless.scripts.glue_frames import DynamicFrame

__all__ = ["DynamicFrame"]
