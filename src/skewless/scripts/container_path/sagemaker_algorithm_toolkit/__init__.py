"""The errors of SageMaker's algorithms."""
