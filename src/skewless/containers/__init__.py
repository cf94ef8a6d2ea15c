"""Containers: the steps of an inference pipeline, the chain that runs them, and what an image name means."""
