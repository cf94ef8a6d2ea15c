"""Glue's context over Spark's."""

from skewless.scripts.glue_context import GlueContext

__all__ = ["GlueContext"]
