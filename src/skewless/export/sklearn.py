"""Fitted scikit-learn pipelines to bundles, with parity rows as scikit-learn itself computed them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skewless.bundles.bundle import save
from skewless.errors import SettingError, SkewlessError
from skewless.export import sklearn_ensembles as sklearn_ensembles
from skewless.export.sklearn_data import Flow, given, picked, recorded, sample_rows
from skewless.export.sklearn_walk import Walk
from skewless.schema import Field, Schema
from skewless.spec import PIPELINE, Attributes, Model, Stage, StageGraph, strings
from skewless.transforms.parity import replay
from skewless.transforms.transform import Transform

PARITY_ROWS = 1000
"""Parity rows kept by default: enough to meet every label of ordinary features, small enough to replay at each load."""


def export(
    model: Any, path: str | Path, sample: Any = None, *, format: str = "json", parity_rows: int = PARITY_ROWS
) -> Path:
    """Write a fitted pipeline or estimator as a bundle; a path ending .zip or .tar.gz is an archive, else a folder.

    ``sample`` is a DataFrame, or an array of rows, with the columns that the model was fitted on: up to
    ``parity_rows`` of its rows travel in the bundle with what every step made of them, and loading replays them.
    UnsupportedError names the step that cannot be exported.
    """
    _check(model)
    flow = given(model, sample)
    if sample is not None:
        flow = Flow(flow.columns, flow.types, sample_rows(flow.data, parity_rows))
    walk = Walk(flow)
    try:
        walk.walk(model, "", flow, last=True)
    except (ValueError, TypeError) as error:
        if sample is None:
            raise
        raise SkewlessError(
            f"scikit-learn itself cannot process the sample: {_first_line(error)}",
            hint="Give a sample that the pipeline can process.",
        ) from error
    graph = _graph(type(model).__name__, walk.stages)
    inputs, rows = _parity(walk, flow)
    if rows is not None:
        # Never write what does not do as scikit-learn did: whoever exports learns of it, not whoever serves.
        replay(Transform(graph, inputs), rows)
    engine = f"scikit-learn {version('scikit-learn')}"
    return save(graph, path, engine=engine, inputs=inputs, rows=rows, format=format)


def _check(model: Any) -> None:
    if isinstance(model, type) or not (hasattr(model, "transform") or hasattr(model, "predict")):
        name = model.__name__ if isinstance(model, type) else type(model).__name__
        raise SettingError(f"a {name} cannot be exported", hint="Give a fitted pipeline or estimator.")
    try:
        check_is_fitted(model)
    except NotFittedError:
        raise SettingError(f"the {type(model).__name__} is not fitted", hint="Call fit first.") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _graph(name: str, stages: Sequence[Stage]) -> StageGraph:
    if not stages:
        raise SettingError(
            f"the {name} does nothing", hint="Give a pipeline with at least one step that computes."
        )
    nodes = Attributes({"nodes": strings([stage.name for stage in stages])}, file=None, stage=name)
    root = Stage(name, Model(PIPELINE, nodes), stages=tuple(stages))
    return StageGraph(root, name=name, uid=str(uuid.uuid4()), version="0.25.2")


def _parity(walk: Walk, flow: Flow) -> tuple[Schema, pa.Table | None]:
    """The input columns that are read, and the sample's rows with them and what every step made of them."""
    read = {socket.column for stage in walk.stages for socket in stage.inputs}
    fields = []
    columns: dict[str, pa.Array] = {}
    for place, column in enumerate(flow.columns):
        if column not in read:
            continue
        fields.append(Field(column, walk.known[column]))
        if flow.data is not None:
            is_text = not hasattr(flow.data, "shape") or len(flow.data.shape) == 1
            values = flow.data if is_text else picked(flow.data, [place], True)
            columns[column] = recorded(values, walk.known[column])
    if flow.data is None:
        return Schema(tuple(fields)), None
    return Schema(tuple(fields)), pa.table({**columns, **walk.recorded})
