"""The car pipeline as a model of MLflow, which its server imports from here."""

from __future__ import annotations

import os
from typing import Any

import mlflow
import pandas as pd

from benchmarks.peers.cars import Cars


class CarModel(mlflow.pyfunc.PythonModel):
    """A frame of cars to their labels."""

    def load_context(self, context: Any) -> None:
        """Fit and load."""
        self.cars = Cars(os.environ["BENCH_WORK"])

    def predict(self, context: Any, model_input: pd.DataFrame) -> list[str]:
        """The labels."""
        return [self.cars.label(row) for row in model_input.to_numpy(object).tolist()]
