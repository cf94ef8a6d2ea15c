"""The car pipeline behind Ray Serve, one replica: ``python -m benchmarks.peers.serve_ray FOLDER PORT``."""

from __future__ import annotations

import signal
import sys
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from benchmarks.peers.cars import Cars


class CarDeployment:
    """One car a request."""

    def __init__(self, folder: str) -> None:
        self.cars = Cars(folder)

    async def __call__(self, request: Request) -> dict[str, Any]:
        """The label."""
        return {"label": self.cars.label(list((await request.json()).values()))}


def main() -> None:
    """Serve until SIGTERM."""
    folder, port = sys.argv[1:]
    ray.init(num_cpus=1, include_dashboard=False, logging_level="warning", log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port), "access_log": False})
    deployment = serve.deployment(CarDeployment, max_ongoing_requests=100, ray_actor_options={"num_cpus": 0})
    serve.run(deployment.bind(folder), route_prefix="/invocations")
    signal.sigwait({signal.SIGTERM})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
