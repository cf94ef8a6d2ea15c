"""The modules of SageMaker's inference toolkit that scripts import."""
