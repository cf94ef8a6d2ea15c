"""Ops of fitted scikit-learn estimators, one family a file."""
