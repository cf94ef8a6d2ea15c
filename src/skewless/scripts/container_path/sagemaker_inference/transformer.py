"""A part of the model server, which is not here."""

from skewless.scripts.toolkit.absent import Absent

Transformer = Absent(
    "sagemaker_inference.transformer.Transformer",
    "Write model_fn, input_fn, predict_fn and output_fn: the server calls them.",
)

__all__ = ["Transformer"]
