"""Kernels compiled from the C sources beside this file: forests, XGBoost's predictions, dot products, exponentials.

`library` loads them, `forest`, `xgboost`, `dots` and `elementary` say how they are called. One row goes through a call
that keeps the interpreter's lock, because giving it up costs more than the row; batches are computed without the lock,
so that threads divide them. Nothing here knows ops or files.
"""
