"""Spark's Python workers with what most of them import, loaded once before they are forked."""

import pandas
import pyarrow
import xgboost.spark
from pyspark import daemon

__all__ = ["pandas", "pyarrow", "xgboost"]

if __name__ == "__main__":
    daemon.manager()
