"""MLeap's names for PySpark."""
