"""The car pipeline as a runtime of MLServer, which its command loads by name."""

from __future__ import annotations

import os

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.peers.cars import Cars


class CarModel(MLModel):
    """One car a request, a tensor for each of its values."""

    async def load(self) -> bool:
        """Fit and load."""
        self.cars = Cars(os.environ["BENCH_WORK"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """The label as a tensor."""
        row = [StringCodec.decode_input(one)[0] for one in payload.inputs]
        made = StringCodec.encode_output("label", [self.cars.label(row)])
        return InferenceResponse(model_name=self.name, outputs=[made])
