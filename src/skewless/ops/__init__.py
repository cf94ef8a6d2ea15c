"""The ops, one family a file. The imports below are the table of contents."""

from skewless.ops import assemble as assemble
from skewless.ops import forests as forests
from skewless.ops import labels as labels
from skewless.ops import linear as linear
from skewless.ops import logistic as logistic
from skewless.ops import one_hot as one_hot
from skewless.ops import thresholds as thresholds
from skewless.ops import tree_models as tree_models
from skewless.ops.op import OPS as OPS
from skewless.ops.op import SPARK_READERS as SPARK_READERS
