"""The car pipeline behind LitServe: ``python -m benchmarks.peers.serve_litserve FOLDER PORT``."""

from __future__ import annotations

import sys
from typing import Any

import litserve

from benchmarks.peers.cars import Cars


class CarAPI(litserve.LitAPI):
    """One car a request."""

    def setup(self, device: str) -> None:
        """Load, in the worker process."""
        self.cars = Cars(sys.argv[1])

    def decode_request(self, request: dict[str, Any]) -> list[str]:
        """The values in order."""
        return list(request.values())

    def predict(self, x: list[str]) -> str:
        """The label."""
        return self.cars.label(x)

    def encode_response(self, output: str) -> dict[str, str]:
        """As JSON."""
        return {"label": output}


if __name__ == "__main__":
    server = litserve.LitServer(CarAPI(api_path="/invocations"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), host="127.0.0.1", log_level="warning", generate_client_file=False)
