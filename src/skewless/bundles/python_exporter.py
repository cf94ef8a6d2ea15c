"""What MLeap's Python package, the exporter of scikit-learn and gensim, writes otherwise than MLeap reads it.

Here such bundles get the meaning that they had where they were fitted: matrices by rows, scikit-learn's constant
columns, trees that compare 32-bit numbers. What the package leaves out is known to nobody: the classes' names, a
TfidfVectorizer's norm and its rule for tokens (lower case and blanks stand for it), a MinMaxScaler's range.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from skewless.bundles.values import tensor_shape
from skewless.errors import UnsupportedError
from skewless.spec import (
    Attributes,
    Model,
    Stage,
    Value,
    double,
    shapes,
    string,
    tensor,
)

ALIASES: Final[Mapping[str, str]] = {
    "svm": "support_vector_machine",
    "word2vec": "word_to_vector",
    "sklearn_binarizer": "binarizer",
}
"""Names of ops under which the package writes what MLeap has under another."""
MENDED: Final = "skewless_mended_python_export"
"""The entry of a bundle's ``meta`` that says that it is as it was meant."""

# It names its pipelines by the time (UUIDs of version 1); Spark's names have no hyphens, MLeap's random UUIDs.
_NAME: Final = re.compile(r"pipeline_[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_LARGEST_FLOAT: Final = float(np.finfo(np.float32).max)

Makers = Mapping[str, str]
"""The op that makes a column."""


def wrote(name: str, meta: Mapping[str, Value]) -> bool:
    """Whether it wrote the bundle whose root has this name, and nobody has mended that yet."""
    return _NAME.fullmatch(name) is not None and MENDED not in meta


def as_meant(root: Stage) -> Stage:
    """The stages with the meaning they had in Python. UnsupportedError where the bundle does not hold it."""
    return _stage(root, {})


def _stage(stage: Stage, makers: dict[str, str]) -> Stage:
    op, model = stage.model.op, stage.model
    if op in _MENDERS:
        model = _MENDERS[op](model)
    elif op in _PLACED:
        model = _PLACED[op](stage, makers)
    makers.update((socket.column, op) for socket in stage.outputs)
    return replace(stage, model=model, stages=tuple(_stage(child, makers) for child in stage.stages))


def _with(model: Model, values: Mapping[str, Value]) -> Model:
    old = model.attributes
    return replace(model, attributes=Attributes({**old, **values}, file=old.file, stage=old.stage))


def _numbers(attributes: Attributes, name: str) -> list[float]:
    return [float(number) for number in attributes.tensor(name).data]


def _logistic(model: Model) -> Model:
    """One coefficient a row and feature, row by row; and intercepts that are arrays of one."""
    attributes = model.attributes
    made: dict[str, Value] = {}
    intercept = attributes.get("intercept")
    if intercept is not None and intercept.shape == "tensor" and len(intercept.data) == 1:
        made["intercept"] = double(float(intercept.data[0]))
    matrix = attributes.get("coefficient_matrix")
    if matrix is not None and matrix.shape == "tensor" and len(matrix.dims) == 2:
        by_columns = np.array(matrix.data, np.float64).reshape(matrix.dims).ravel(order="F")
        made["coefficient_matrix"] = tensor(by_columns.tolist(), matrix.dims)
    return _with(model, made)


def _pca(stage: Stage, makers: Makers) -> Model:
    """One component a row, which is how MLeap has them when the dimensions change places."""
    column = stage.input("input")
    if makers.get(column or "") != "standard_scaler":
        raise UnsupportedError(
            f"stage {stage.name} ({stage.model.attributes.file}): scikit-learn's PCA takes the mean away first, "
            f"which is not in the bundle, and column {column!r} comes out of no standard_scaler, whose mean is zero",
            hint="Put a StandardScaler before the PCA and export the pipeline again.",
        )
    value = stage.model.attributes.tensor("principal_components")
    return _with(stage.model, {"principal_components": tensor(value.data, tuple(reversed(value.dims)))})


def _standard_scaler(model: Model) -> Model:
    """Where nothing varies, scikit-learn divides by one; MLeap and Spark multiply by zero."""
    std = [number if number != 0.0 else 1.0 for number in _numbers(model.attributes, "std")]
    return _with(model, {"std": tensor(std, [len(std)])})


def _min_max_scaler(model: Model) -> Model:
    """Where nothing varies, scikit-learn divides by one; MLeap and Spark give the middle of the range.

    With the range from 0 to 1, the only one that is exported, the rest is a standard scaler's arithmetic too.
    """
    low, high = (_numbers(model.attributes, name) for name in ("min", "max"))
    if len(low) != len(high) or all(a != b for a, b in zip(low, high, strict=True)):
        return model
    width = [b - a if a != b else 1.0 for a, b in zip(low, high, strict=True)]
    made = {"mean": tensor(low, [len(low)]), "std": tensor(width, [len(low)])}
    old = model.attributes
    return Model("standard_scaler", Attributes(made, file=old.file, stage=old.stage))


def _assembler(stage: Stage, makers: Makers) -> Model:
    """NaN passes. It counts a one-hot vector's slots wrong, and leaves out the shape of polynomials."""
    given = list(stage.model.attributes.shapes("input_shapes"))
    unknown = {"base": "tensor", "isNullable": False, "tensorShape": tensor_shape([-1])}
    ops = [makers.get(socket.column) for socket in stage.inputs]
    missing = len(ops) - len(given)
    made: list[Mapping[str, Any]] = []
    for op in ops:
        if op == "sklearn_polynomial_expansion" and missing > 0:
            missing -= 1
            made.append(unknown)
        elif given:
            shape = given.pop(0)
            made.append(unknown if op == "one_hot_encoder" and shape.get("base") == "tensor" else shape)
    if given or len(made) != len(ops):
        raise stage.model.attributes.error(
            f"it has {len(made) + len(given)} input_shapes for {len(ops)} inputs"
        )
    return _with(stage.model, {"input_shapes": shapes(made), "handle_invalid": string("keep")})


def _as_double(name: str) -> Callable[[Model], Model]:
    """A whole number that it writes as a long where MLeap reads a double, and finds 0."""

    def mend(model: Model) -> Model:
        value = model.attributes.get(name)
        if value is None or value.base not in ("int", "long"):
            return model
        return _with(model, {name: double(float(value.data))})

    return mend


def _math_binary(model: Model) -> Model:
    """Python's remainder has the sign of the divisor, Java's that of the dividend."""
    if model.attributes.string("operation", "") != "rem":
        return model
    return _with(model, {"operation": string("floor_rem")})


def _narrowed(model: Model) -> Model:
    """The trees with thresholds for doubles that decide as scikit-learn does, which compares 32-bit numbers."""
    files = {
        name: b"\n".join(map(_line, data.splitlines())) + b"\n" if name == "tree.json" else data
        for name, data in model.files.items()
    }
    models = {name: _narrowed(below) for name, below in model.models.items()}
    return replace(model, files=files, models=models)


def _line(line: bytes) -> bytes:
    try:
        node = json.loads(line)
        split = node["split"]
        split["threshold"] = double_threshold(float(split["threshold"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        # A leaf, or what the op refuses with its line.
        return line
    return json.dumps(node, separators=(",", ":")).encode()


def double_threshold(threshold: float) -> float:
    """The largest double whose nearest 32-bit number is not above the threshold.

    It stands in the middle between two 32-bit numbers, or right before it: a tie goes to the even one of them.
    """
    if not abs(threshold) <= _LARGEST_FLOAT:
        return threshold
    below = np.float32(threshold)
    if float(below) > threshold:
        below = np.nextafter(below, np.float32(-np.inf))
    with np.errstate(over="ignore"):
        above = np.nextafter(below, np.float32(np.inf))
    step = 2.0**104 if np.isinf(above) else float(above) - float(below)
    middle = float(below) + step / 2.0
    is_even = int(below.view(np.uint32)) % 2 == 0
    return middle if is_even else math.nextafter(middle, -math.inf)


_MENDERS: Final[Mapping[str, Callable[[Model], Model]]] = {
    "logistic_regression": _logistic,
    "standard_scaler": _standard_scaler,
    "min_max_scaler": _min_max_scaler,
    "imputer": _as_double("missing_value"),
    "count_vectorizer": _as_double("min_tf"),
    "math_binary": _math_binary,
    "decision_tree_classifier": _narrowed,
    "decision_tree_regression": _narrowed,
    "random_forest_classifier": _narrowed,
    "random_forest_regression": _narrowed,
}
# Those that depend on what made their inputs.
_PLACED: Final[Mapping[str, Callable[[Stage, Makers], Model]]] = {"pca": _pca, "vector_assembler": _assembler}
