"""Training on one host or more, of which one is here."""

from skewless.scripts.toolkit.xgboost_training import rabit_run

__all__ = ["rabit_run"]
