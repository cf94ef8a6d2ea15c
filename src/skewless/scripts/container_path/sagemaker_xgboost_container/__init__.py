"""The modules of the XGBoost container that scripts import."""
