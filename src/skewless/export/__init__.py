"""Runs in the author's environment only: fitted objects of other libraries to bundles."""
