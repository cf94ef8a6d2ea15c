"""A part of the model server, which is not here."""

from skewless.scripts.toolkit.absent import Absent

DefaultHandlerService = Absent(
    "sagemaker_inference.default_handler_service.DefaultHandlerService",
    "Write model_fn, input_fn, predict_fn and output_fn: the server calls them.",
)

__all__ = ["DefaultHandlerService"]
