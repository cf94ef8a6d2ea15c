"""Batch transform's engine: records out of files, through a pipeline, and their answers joined and put together."""
