"""A part of the model server, which is not here."""

from skewless.scripts.toolkit.absent import Absent

start_model_server = Absent(
    "sagemaker_inference.model_server.start_model_server",
    "The script is served by the program that loads it; for a server of your own, use an image with a command.",
)

__all__ = ["start_model_server"]
