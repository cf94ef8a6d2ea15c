"""The car pipeline as LitServe's API, which its worker process imports from here."""

# Annotations stay objects in this file: LitServe hands them to FastAPI, to which a text is a parameter of the query.
import os
from typing import Any

import litserve

from benchmarks.peers.cars import Cars


class CarAPI(litserve.LitAPI):
    """One car a request."""

    def setup(self, device: str) -> None:
        """Load, in the worker process."""
        self.cars = Cars(os.environ["BENCH_WORK"])

    def decode_request(self, request: dict[str, Any]) -> list[str]:
        """The values in order."""
        return list(request.values())

    def predict(self, x: list[str]) -> str:
        """The label."""
        return self.cars.label(x)

    def encode_response(self, output: str) -> dict[str, str]:
        """As JSON."""
        return {"label": output}
