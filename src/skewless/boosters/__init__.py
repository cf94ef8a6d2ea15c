"""Trained XGBoost models: the check of a model file, and the native library called directly."""
