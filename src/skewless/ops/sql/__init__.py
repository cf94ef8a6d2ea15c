"""Spark's SQLTransformer: SELECT over the rows of ``__THIS__``."""
