"""``worker`` of sagemaker_containers: its answers; its Flask application is not here."""

from __future__ import annotations

from skewless.scripts.toolkit.absent import Absent
from skewless.scripts.toolkit.response import Response

__all__ = ["Request", "Response", "Worker", "default_healthcheck_fn"]

_HINT = "The program that loads the script answers over HTTP; return a worker.Response from output_fn."

Worker = Absent("sagemaker_containers.beta.framework.worker.Worker", _HINT)
Request = Absent("sagemaker_containers.beta.framework.worker.Request", _HINT)


def default_healthcheck_fn() -> Response:
    """What a ping is answered with."""
    return Response()
