"""The ops, one family a file; `skewless.ops.families` is the table of contents."""

from skewless.ops.op import OPS as OPS
from skewless.ops.op import SPARK_READERS as SPARK_READERS
from skewless.ops.sklearn_step import SKLEARN_READERS as SKLEARN_READERS
