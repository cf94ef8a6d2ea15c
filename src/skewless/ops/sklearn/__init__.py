"""Ops of fitted scikit-learn estimators, one family a file. The imports below are the table of contents."""

from skewless.ops.sklearn import columns as columns
from skewless.ops.sklearn import encode as encode
from skewless.ops.sklearn import labels as labels
from skewless.ops.sklearn import scale as scale
