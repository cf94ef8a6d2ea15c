"""The ops, one family a file. The imports below are the table of contents."""

from skewless.ops import assemble as assemble
from skewless.ops import labels as labels
from skewless.ops import one_hot as one_hot
from skewless.ops.op import OPS as OPS
from skewless.ops.op import SPARK_READERS as SPARK_READERS
