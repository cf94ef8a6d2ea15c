"""The toolkits' default functions, ``transformer`` and ``default_inference_handler``, and their small helpers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from skewless.scripts.toolkit import arrays
from skewless.scripts.toolkit.absent import Absent
from skewless.scripts.toolkit.response import Response

NO_MODEL_FN: Final = "Please provide a model_fn implementation."
NO_PREDICT_FN: Final = "Please provide a predict_fn implementation."


def default_model_fn(model_dir: str) -> NoReturn:
    """There is none: a model's files are the script's to read."""
    raise NotImplementedError(NO_MODEL_FN)


def default_input_fn(input_data: Any, content_type: str) -> Any:
    """JSON, CSV and npy as arrays."""
    return arrays.decode(input_data, content_type)


def default_predict_fn(data: Any, model: Any) -> NoReturn:
    """There is none."""
    raise NotImplementedError(NO_PREDICT_FN)


def default_output_fn(prediction: Any, accept: str) -> Response:
    """Arrays as JSON, CSV and npy."""
    return Response(arrays.encode(prediction, accept), mimetype=accept)


Transformer = Absent(
    "sagemaker_containers.beta.framework.transformer.Transformer",
    "Write model_fn, input_fn, predict_fn and output_fn: the server calls them.",
)


class DefaultInferenceHandler:
    """The same for sagemaker_inference, as methods."""

    def default_model_fn(self, model_dir: str, context: Any = None) -> Any:
        """There is none."""
        return default_model_fn(model_dir)

    def default_input_fn(self, input_data: Any, content_type: str, context: Any = None) -> Any:
        """JSON, CSV and npy as arrays."""
        return arrays.inference_decode(input_data, content_type)

    def default_predict_fn(self, data: Any, model: Any, context: Any = None) -> Any:
        """There is none."""
        return default_predict_fn(data, model)

    def default_output_fn(self, prediction: Any, accept: str, context: Any = None) -> Any:
        """Arrays as JSON, CSV and npy, with the type."""
        return arrays.inference_encode(prediction, accept), accept


def read_file(path: str, mode: str = "r") -> Any:
    """What is in a file."""
    return Path(path).read_bytes() if "b" in mode else Path(path).read_text()


def write_file(path: str, data: Any, mode: str = "w") -> None:
    """Write a file, or add to one."""
    with Path(path).open(mode) as file:
        file.write(data)


def retrieve_content_type_header(request_property: Mapping[str, str]) -> str | None:
    """The value of Content-Type in any of its spellings."""
    return next(
        (
            value
            for name, value in request_property.items()
            if name.lower() in ("content-type", "contenttype")
        ),
        None,
    )


def get_logger() -> logging.Logger:
    """The toolkit's logger."""
    return logging.getLogger("sagemaker")
