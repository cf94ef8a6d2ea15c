"""The modules of SageMaker's training toolkit that scripts import."""
