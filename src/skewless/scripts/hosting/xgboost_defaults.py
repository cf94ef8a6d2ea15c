"""The XGBoost container's functions in script mode: CSV, libsvm and RecordIO become a DMatrix, answers three types."""

from __future__ import annotations

from typing import Any, Final

from skewless.scripts.hosting.defaults import Defaults
from skewless.scripts.hosting.sklearn_defaults import output_fn
from skewless.scripts.toolkit import dmatrix


def predict_fn(data: Any, model: Any) -> Any:
    """What the model predicts, whatever its features are called."""
    return model.predict(data, validate_features=False)


DEFAULTS: Final = Defaults(dmatrix.decode, predict_fn, output_fn)
