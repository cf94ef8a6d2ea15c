"""From step to step through a fitted scikit-learn pipeline, with the sample's rows where there are some.

What only puts steps together (pipelines, column transformers, unions, searches) is walked here; whatever computes is
read by its own reader beside its op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from skewless.errors import SettingError, UnsupportedError
from skewless.export.sklearn_data import Flow, nones, part, picked, recorded
from skewless.ops.op import Lowered, Op, TypeRefused
from skewless.ops.sklearn.columns import Slots, Stack
from skewless.ops.sklearn.combined import Finite
from skewless.ops.sklearn.inverse import inverse_of
from skewless.ops.sklearn.scale import MultiplyAdd
from skewless.ops.sklearn_step import (
    FEATURES,
    PREDICTION,
    WAY_OUT,
    Made,
    SklearnStep,
    Takes,
    class_name,
    support_of,
)
from skewless.ops.slots import VectorSlicer
from skewless.schema import DOUBLE, STRING, Type
from skewless.spec import TEMPORARY, Attributes, Model, Socket, Stage, boolean

Part: TypeAlias = tuple[str, Any]
Composite: TypeAlias = "Callable[[Walk, Any, str, Flow, bool], Flow]"

_INPUT: Final = "input"


class Walk:
    """The stages made so far, the columns' types, and what scikit-learn made of the sample in each of them."""

    def __init__(self, flow: Flow) -> None:
        self.stages: list[Stage] = []
        self.recorded: dict[str, pa.Array] = {}
        self.known: dict[str, Type] = {
            name: type_ for name, type_ in zip(flow.columns, flow.types, strict=True) if type_ is not None
        }
        self._used = set(flow.columns)
        self._names: set[str] = set()
        self._methods: dict[str, str] = {}
        self._members = 0

    def walk(self, estimator: Any, path: str, flow: Flow, *, last: bool = False) -> Flow:
        """What an estimator, by itself or put together of others, makes of what comes to it."""
        if estimator is None or (isinstance(estimator, str) and estimator == "passthrough"):
            return flow
        composite = WALKED.get(class_name(estimator))
        if composite is not None:
            return composite(self, estimator, path, flow, last)
        return self._leaf(estimator, path or type(estimator).__name__.lower(), flow, last)

    def _leaf(self, estimator: Any, path: str, flow: Flow, last: bool) -> Flow:
        step = SklearnStep(estimator, path, (), (), "", last, flow.sparse, flow.dtype)
        support = support_of(step)
        self._check_dtype(step, flow)
        handed = self._handed(support.takes, flow, path)
        step = replace(
            step,
            inputs=handed.columns,
            types=tuple(self.known.get(name) for name in handed.columns),
            output=self._free(FEATURES if last else path, last),
            nones=nones(handed),
        )
        return self._made(step, support.read(step), flow)

    def _made(self, step: SklearnStep, made: Made, flow: Flow) -> Flow:
        for column in made.columns:
            self._free(column, step.last and column != step.output)
        self._add(step.path, made.ops)
        predicts = set(made.columns.values()) != {"transform"}
        if predicts and not step.last and not self._members:
            raise step.refused("it predicts, and only the last step of a pipeline may", WAY_OUT)
        self._methods.update(made.columns)
        return self._answered(step, made, flow)

    def member(self, estimator: Any, path: str, flow: Flow) -> Mapping[str, str]:
        """What a predictor inside of another answers: its methods' columns, which have names of their own."""
        data = flow.data
        if isinstance(data, pd.DataFrame) and not hasattr(estimator, "feature_names_in_"):
            # The one around it handed its members an array.
            data = data.to_numpy()
        self._members += 1
        made = self.walk(estimator, path, replace(flow, data=data))
        self._members -= 1
        return {self._methods[column]: column for column in made.columns if column in self._methods}

    def together(
        self, estimator: Any, path: str, flow: Flow, last: bool, read: Callable[[SklearnStep], Made]
    ) -> Flow:
        """What an estimator that is put together of others answers, once its members stand."""
        path = path or type(estimator).__name__.lower()
        output = self._free(FEATURES if last else path, last)
        step = SklearnStep(estimator, path, flow.columns, (), output, last, flow.sparse, flow.dtype)
        return self._made(step, read(step), flow)

    def _check_dtype(self, step: SklearnStep, flow: Flow) -> None:
        if flow.dtype == "float32":
            raise step.refused(
                "it is handed float32, in which scikit-learn computes with half the digits",
                "Leave dtype at its default in the steps before it, or cast with astype('float64').",
            )

    def _answered(self, step: SklearnStep, made: Made, flow: Flow) -> Flow:
        """What the step's methods give of the sample, noted column by column."""
        columns = tuple(made.columns)
        data = None
        if flow.data is not None:
            results = {method: getattr(step.estimator, method)(flow.data) for method in made.columns.values()}
            seen: dict[str, int] = {}
            for column, method in made.columns.items():
                type_, place = self.known[column], seen.get(method, 0)
                seen[method] = place + 1
                result = results[method]
                self.recorded[column] = recorded(result if type_.is_vector else part(result, place), type_)
            data = results.get("transform")
        return Flow(columns, tuple(self.known[name] for name in columns), data, made.sparse)

    def _add(self, path: str, ops: Sequence[Lowered]) -> None:
        for number, lowered in enumerate(ops):
            self._stage(path if len(ops) == 1 else f"{path}_{number}", lowered)

    def _stage(self, name: str, lowered: Lowered) -> None:
        """Note an op's stage and the types of its columns, also of those of its inputs that nothing told before."""
        op = lowered.op
        name = name.replace("/", "_")
        while name in self._names or not name.strip("."):
            name += "_"
        self._names.add(name)
        types = []
        for column, default in zip(lowered.inputs, op.default_types(), strict=True):
            types.append(self.known.setdefault(column, default))
        try:
            made = op.types(types)
        except TypeRefused as refused:
            column = lowered.inputs[refused.input]
            raise UnsupportedError(
                f"step {name}: column {column!r}: {refused.message}", hint=WAY_OUT
            ) from None
        self.known.update({c: type_ for c, type_ in zip(lowered.outputs, made, strict=True) if c})
        attributes = {**op.encode(), **({TEMPORARY: boolean(True)} if lowered.temporary else {})}
        model = Model(
            op.name, Attributes(attributes, file=None, stage=name), op.encode_files(), op.encode_models()
        )
        outputs = tuple(Socket(port, c) for port, c in zip(op.outputs, lowered.outputs, strict=True) if c)
        self.stages.append(Stage(name, model, tuple(map(Socket, op.inputs, lowered.inputs)), outputs))

    def _free(self, name: str, fixed: bool = False) -> str:
        """A column's name that is not taken yet; SettingError where a ``fixed`` one is."""
        if fixed and name in self._used:
            raise SettingError(
                f"the input has a column {name!r}, which is the name of an answer",
                hint="Rename it, and fit again.",
            )
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def _glue(self, path: str, op: Op, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """An op that stands for no step of scikit-learn's: nobody sees its columns."""
        self._stage(path, Lowered(op, tuple(inputs), tuple(outputs), temporary=True))

    def renamed(self, column: str, name: str) -> str:
        """Give a column that a stage wrote another name; the old one is free again."""
        name = self._free(name)
        for place, stage in enumerate(self.stages):
            outputs = tuple(
                replace(one, column=name) if one.column == column else one for one in stage.outputs
            )
            self.stages[place] = replace(stage, outputs=outputs)
        for table in (self.known, self.recorded):
            if column in table:
                table[name] = table.pop(column)
        self._used.discard(column)
        return name

    def answer(self, path: str, ops: Sequence[Lowered], data: Any) -> Flow:
        """Ops behind all others whose last makes the prediction, which scikit-learn gave as ``data``."""
        for number, lowered in enumerate(ops):
            self._stage(f"{path}_{number}", lowered)
        self._free(PREDICTION, fixed=True)
        if data is not None:
            self.recorded[PREDICTION] = recorded(data, self.known[PREDICTION])
        return Flow((PREDICTION,), (self.known[PREDICTION],))

    def _handed(self, takes: Takes, flow: Flow, path: str) -> Flow:
        """What comes to a step, as its reader takes it."""
        if takes == "text":
            return self._text(flow, path)
        if takes == "columns" or (takes == "either" and STRING in flow.types):
            return self._columns(flow, path)
        return self.matrix(flow, path)

    def matrix(self, flow: Flow, path: str) -> Flow:
        """One vector of all features."""
        if flow.is_matrix:
            return flow
        for name, type_ in zip(flow.columns, flow.types, strict=True):
            if type_ == STRING:
                raise UnsupportedError(
                    f"step {path} reads column {name!r}, which holds strings, as a number",
                    hint="Encode it before, or cast it with astype('float64') in the frame.",
                )
        name = self._free(f"{path}__{_INPUT}")
        self._glue(name, Stack((None,) * len(flow.columns)), flow.columns, (name,))
        return Flow((name,), (self.known[name],), flow.data)

    def _columns(self, flow: Flow, path: str) -> Flow:
        """A single value for each feature."""
        if not flow.is_matrix:
            return flow
        type_ = self.known[flow.columns[0]]
        size = type_.size or 0
        names = tuple(self._free(f"{path}__{_INPUT}{place}") for place in range(size))
        self._glue(f"{path}__{_INPUT}", Slots(size), flow.columns, names)
        return Flow(names, (DOUBLE,) * size, flow.data)

    def _text(self, flow: Flow, path: str) -> Flow:
        """One column of strings."""
        if len(flow.columns) != 1 or flow.types[0] not in (STRING, None):
            raise UnsupportedError(
                f"step {path} reads texts, and is given {len(flow.columns)} columns that are not one of strings",
                hint="Name the one column of texts for it in a ColumnTransformer.",
            )
        self.known.setdefault(flow.columns[0], STRING)
        return flow

    def select(self, flow: Flow, places: Sequence[int], path: str, single: bool = False) -> Flow:
        """Some of the features, by number."""
        data = None if flow.data is None else picked(flow.data, places, single)
        if not flow.is_matrix:
            return Flow(
                tuple(flow.columns[p] for p in places),
                tuple(flow.types[p] for p in places),
                data,
                flow.sparse,
            )
        name = self._free(f"{path}__{_INPUT}")
        op = VectorSlicer(tuple(places), size=self.known[flow.columns[0]].size)
        self._glue(name, op, flow.columns, (name,))
        return Flow((name,), (self.known[name],), data, flow.sparse)

    def checked(self, flow: Flow, path: str) -> Flow:
        """The same vector, in which NaN and infinities are refused."""
        name = self._free(path)
        self._glue(name, Finite(self.known[flow.columns[0]].size or 0), flow.columns, (name,))
        return Flow((name,), (self.known[name],), flow.data, flow.sparse)

    def weighted(self, flow: Flow, weight: float | None, path: str) -> Flow:
        """All features times a weight."""
        if weight is None:
            return flow
        flow = self.matrix(flow, path)
        name = self._free(f"{path}__weighted")
        size = self.known[flow.columns[0]].size or 0
        self._glue(name, MultiplyAdd((float(weight),) * size), flow.columns, (name,))
        data = None if flow.data is None else flow.data * weight
        return Flow((name,), (self.known[name],), data, flow.sparse)

    def stack(self, flows: Sequence[Flow], path: str, sparse: bool, data: Any, last: bool) -> Flow:
        """The parts side by side: one vector, or single values where some are strings."""
        if any(STRING in flow.types for flow in flows):
            parts = [self._columns(flow, f"{path}_{number}") for number, flow in enumerate(flows)]
            columns = tuple(name for one in parts for name in one.columns)
            return Flow(columns, tuple(type_ for one in parts for type_ in one.types), data)
        columns = tuple(name for flow in flows for name in flow.columns)
        name = self._free(FEATURES if last else path, last)
        sizes = tuple(
            None if (t := self.known.get(c)) is None or not t.is_vector else t.size for c in columns
        )
        self._stage(path or name, Lowered(Stack(sizes, sparse), columns, (name,)))
        if data is not None:
            self.recorded[name] = recorded(data, self.known[name])
        return Flow((name,), (self.known[name],), data, sparse)


def _join(path: str, name: str) -> str:
    return f"{path}__{name}" if path else name


def _pipeline(walk: Walk, pipeline: Any, path: str, flow: Flow, last: bool) -> Flow:
    steps = [
        (name, step) for name, step in pipeline.steps if step is not None and not _is(step, "passthrough")
    ]
    for number, (name, step) in enumerate(steps):
        flow = walk.walk(step, _join(path, name), flow, last=last and number == len(steps) - 1)
    return flow


def _column_transformer(walk: Walk, union: Any, path: str, flow: Flow, last: bool) -> Flow:
    weights = getattr(union, "transformer_weights", None) or {}
    made = []
    for name, transformer, columns in union.transformers_:
        places = union._transformer_to_input_indices[name]
        if _is(transformer, "drop") or not len(places):
            continue
        below = _join(path, name)
        chosen = walk.select(flow, places, below, single=bool(np.isscalar(columns)))
        made.append(walk.weighted(walk.walk(_passed(transformer), below, chosen), weights.get(name), below))
    data = None if flow.data is None else union.transform(flow.data)
    return walk.stack(made, path, bool(union.sparse_output_), data, last)


def _passed(transformer: Any) -> Any:
    """A ColumnTransformer holds what it passes through as a function that does nothing."""
    known = class_name(transformer) == "sklearn.preprocessing._function_transformer.FunctionTransformer"
    return None if known and transformer.func is None else transformer


def _feature_union(walk: Walk, union: Any, path: str, flow: Flow, last: bool) -> Flow:
    weights = union.transformer_weights or {}
    made = []
    for name, transformer in union.transformer_list:
        if _is(transformer, "drop"):
            continue
        below = _join(path, name)
        made.append(walk.weighted(walk.walk(transformer, below, flow), weights.get(name), below))
    data = None if flow.data is None else union.transform(flow.data)
    return walk.stack(made, path, any(one.sparse for one in made), data, last)


def _search(walk: Walk, search: Any, path: str, flow: Flow, last: bool) -> Flow:
    """A search over parameters does what its best estimator does."""
    if not hasattr(search, "best_estimator_"):
        raise UnsupportedError(
            f"the {type(search).__name__} kept no best estimator",
            hint="Search with refit=True, or fit one yourself.",
        )
    return walk.walk(search.best_estimator_, path, flow, last=last)


def _frozen(walk: Walk, frozen: Any, path: str, flow: Flow, last: bool) -> Flow:
    return walk.walk(frozen.estimator, path, flow, last=last)


def _target(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    """A regressor of a transformed target, whose prediction is transformed back."""
    here = path or type(model).__name__.lower()
    inverse = inverse_of(SklearnStep(model.transformer_, _join(here, "transformer"), (), (), "", last))
    if not last:
        raise UnsupportedError(
            f"step {here} predicts, and only the last step of a pipeline may", hint=WAY_OUT
        )
    made = walk.walk(model.regressor_, _join(here, "regressor"), flow, last=True)
    if made.columns != (PREDICTION,) or made.types != (DOUBLE,):
        raise UnsupportedError(f"step {here} predicts several targets, or classes", hint=WAY_OUT)
    inner = walk.renamed(PREDICTION, f"{here}__regressor")
    single, back = f"{here}__{_INPUT}", f"{here}__inverse"
    ops = (
        Lowered(Stack((None,)), (inner,), (single,), temporary=True),
        Lowered(inverse, (single,), (back,), temporary=True),
        Lowered(Slots(1), (back,), (PREDICTION,)),
    )
    return walk.answer(f"{here}__inverse", ops, None if flow.data is None else model.predict(flow.data))


def _is(step: Any, word: str) -> bool:
    return isinstance(step, str) and step == word


# What only puts others together, by full name; ensembles enter theirs.
WALKED: Final[dict[str, Composite]] = {
    "sklearn.pipeline.Pipeline": _pipeline,
    "sklearn.pipeline.FeatureUnion": _feature_union,
    "sklearn.compose._column_transformer.ColumnTransformer": _column_transformer,
    "sklearn.compose._target.TransformedTargetRegressor": _target,
    "sklearn.frozen._frozen.FrozenEstimator": _frozen,
    "sklearn.model_selection._search.GridSearchCV": _search,
    "sklearn.model_selection._search.RandomizedSearchCV": _search,
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV": _search,
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV": _search,
}
