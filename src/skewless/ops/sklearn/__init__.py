"""Ops of fitted scikit-learn estimators, one family a file. The imports below are the table of contents."""

from skewless.ops.sklearn import bayes as bayes
from skewless.ops.sklearn import bins as bins
from skewless.ops.sklearn import boosting as boosting
from skewless.ops.sklearn import columns as columns
from skewless.ops.sklearn import distances as distances
from skewless.ops.sklearn import encode as encode
from skewless.ops.sklearn import forests as forests
from skewless.ops.sklearn import functions as functions
from skewless.ops.sklearn import impute as impute
from skewless.ops.sklearn import labels as labels
from skewless.ops.sklearn import linear as linear
from skewless.ops.sklearn import machines as machines
from skewless.ops.sklearn import networks as networks
from skewless.ops.sklearn import norm as norm
from skewless.ops.sklearn import poly as poly
from skewless.ops.sklearn import power as power
from skewless.ops.sklearn import project as project
from skewless.ops.sklearn import quantile as quantile
from skewless.ops.sklearn import refused as refused
from skewless.ops.sklearn import scale as scale
from skewless.ops.sklearn import select as select
from skewless.ops.sklearn import text as text
