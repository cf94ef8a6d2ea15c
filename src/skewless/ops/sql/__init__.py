"""Spark's SQLTransformer: SELECT over the rows of ``__THIS__``."""

from skewless.ops.sql import reader as reader
from skewless.ops.sql.op import Sql as Sql
