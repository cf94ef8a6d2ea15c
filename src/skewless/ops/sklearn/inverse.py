"""What transforms a single number back: the inverses that a regressor of a transformed target needs."""

from __future__ import annotations

import numpy as np

from skewless.ops.op import Op
from skewless.ops.sklearn.functions import function_op
from skewless.ops.sklearn.scale import MultiplyAdd, ShiftDivide
from skewless.ops.sklearn_step import SklearnStep, class_name


def inverse_of(step: SklearnStep) -> Op:
    """The op of a transformer's ``inverse_transform`` of one column. UnsupportedError where there is none."""
    fitted = step.estimator
    kind = class_name(fitted).removeprefix("sklearn.preprocessing.")
    if kind == "_function_transformer.FunctionTransformer":
        return function_op(step, fitted.inverse_func, fitted.inv_kw_args or {}, 1)
    if kind == "_data.MinMaxScaler":
        return ShiftDivide(1, step.floats("min_"), step.floats("scale_"))
    if kind in ("_data.StandardScaler", "_data.RobustScaler"):
        shift, scale = ("mean_", "scale_") if kind == "_data.StandardScaler" else ("center_", "scale_")
        factor, offset = getattr(fitted, scale), getattr(fitted, shift)
        with_offset = fitted.with_mean if kind == "_data.StandardScaler" else fitted.with_centering
        return MultiplyAdd(
            (1.0,) if factor is None else tuple(np.asarray(factor, np.float64).tolist()),
            tuple(np.asarray(offset, np.float64).tolist()) if with_offset else None,
        )
    if kind == "_data.MaxAbsScaler":
        return MultiplyAdd(step.floats("scale_"))
    raise step.refused("its inverse is not made again here")
