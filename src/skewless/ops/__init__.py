"""The ops, one family a file. The imports below are the table of contents."""

from skewless.ops import als as als
from skewless.ops import assemble as assemble
from skewless.ops import clusters as clusters
from skewless.ops import factorization as factorization
from skewless.ops import forests as forests
from skewless.ops import glm as glm
from skewless.ops import isotonic as isotonic
from skewless.ops import labels as labels
from skewless.ops import linear as linear
from skewless.ops import logistic as logistic
from skewless.ops import mlp as mlp
from skewless.ops import naive_bayes as naive_bayes
from skewless.ops import one_hot as one_hot
from skewless.ops import one_vs_rest as one_vs_rest
from skewless.ops import survival as survival
from skewless.ops import thresholds as thresholds
from skewless.ops import tokens as tokens
from skewless.ops import tree_models as tree_models
from skewless.ops.op import OPS as OPS
from skewless.ops.op import SPARK_READERS as SPARK_READERS
