"""What the ops of XGBoost's models share: how a booster is asked, its side file, and both kernels."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.boosters.library import Floats
from skewless.boosters.trained import CONTRIBUTIONS, LEAVES, VALUE, Question, Trained
from skewless.errors import ArtifactError, SkewlessError, UnsupportedError
from skewless.ops import rows
from skewless.ops.classifiers import FEATURES
from skewless.ops.op import Op, RowKernel, TypeRefused
from skewless.ops.xgboost_rows import FeatureRows, narrow_column, narrow_row
from skewless.schema import DOUBLE, Base, Struct, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers, from_cells

FILE: Final = "xgboost.model"
LEAF: Final = "leaf_prediction"
CONTRIBUTION: Final = "contrib_prediction"
BASE_MARGIN: Final = "base_margin"
PYTHON: Final = "xgboost.spark"
JAVA: Final = "xgboost4j"
SKLEARN: Final = "xgboost.sklearn"

NUMBERS: Final = Type(Base.DOUBLE, Struct.ARRAY)
COSTLY: Final[Mapping[str, int]] = {LEAF: LEAVES, CONTRIBUTION: CONTRIBUTIONS}

Answers: TypeAlias = dict[str, Any]
"""What a booster gives, by port: arrays for a batch; numbers and lists for a row."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a booster is asked.

    ``missing`` counts as missing beside NaN; so does, where ``absent_missing``, what a sparse vector leaves out. The
    ``rounds`` are the first and the one after the last, (0, 0) for all. Features come in one column, or where
    ``columns`` is not 0 in as many. A row's sum starts at a column's number where there is a ``base_margin``.
    """

    fitted_with: str = JAVA
    missing: float = math.nan
    absent_missing: bool = False
    rounds: tuple[int, int] = (0, 0)
    columns: int = 0
    base_margin: bool = False

    def encode(self, parallel: int) -> dict[str, Value]:
        made = {
            "tree_limit": spec.integer(self.rounds[1] * parallel),
            "missing": Value("scalar", "float", self.missing),
            **rows.infinite("missing", [self.missing]),
            "infer_batch_size": spec.integer(32 << 10),
            "use_external_memory": spec.boolean(False),
            "allow_non_zero_for_missing": spec.boolean(self.absent_missing),
        }
        if self.fitted_with != JAVA:
            made["fitted_with"] = spec.string(self.fitted_with)
        if self.rounds[0]:
            made["first_round"] = spec.integer(self.rounds[0])
        if self.columns:
            made["feature_columns"] = spec.integer(self.columns)
        if self.base_margin:
            made["base_margin"] = spec.boolean(True)
        return made

    @classmethod
    def decode(cls, attributes: Attributes, parallel: int) -> Asked:
        fitted_with = attributes.string("fitted_with", JAVA)
        if fitted_with not in (PYTHON, JAVA, SKLEARN):
            raise attributes.error(
                f"fitted_with is {fitted_with!r}; it must be {PYTHON}, {JAVA} or {SKLEARN}"
            )
        (missing,) = rows.restored(attributes, "missing", [attributes.double("missing", math.nan)])
        rounds = (attributes.integer("first_round", 0), attributes.integer("tree_limit", 0) // parallel)
        if rounds[0] < 0 or rounds[1] < 0 or rounds[0] >= rounds[1] > 0:
            raise attributes.error(f"it counts rounds {rounds[0]} to {rounds[1]}")
        return cls(
            fitted_with,
            math.nan if missing != missing else missing,
            attributes.boolean("allow_non_zero_for_missing", False),
            rounds,
            attributes.integer("feature_columns", 0),
            attributes.boolean("base_margin", False),
        )


class Boosted(Op):
    """What both ops share; subclasses are dataclasses with these fields."""

    bad_values: ClassVar[str] = (
        "NaN, and whatever else was missing in training, goes the way that the trees learned; so does null in a column "
        "of numbers, where a null vector fails. A zero is a zero, in a sparse vector too, unless 0.0 was missing."
    )
    mleap: ClassVar[str] = (
        "It ignores `missing` and takes every zero that a sparse vector leaves out for missing; of two classes it "
        "rounds the probability; it knows no base margin and no features in several columns. Its boosters in the old "
        "binary format are refused here."
    )

    trained: Trained
    asked: Asked
    ports: tuple[str, ...] | None
    questions: dict[int, Question]

    def __post_init__(self) -> None:
        if self.asked.base_margin and self.trained.facts.groups > 1:
            raise UnsupportedError(
                "a model of several classes cannot take its base margin from one column",
                hint="XGBoost itself fails there; train without base_margin_col.",
            )
        if self.asked.columns not in (0, self.trained.facts.features):
            raise UnsupportedError(
                f"it reads {self.asked.columns} columns, but its booster is for {self.trained.facts.features} features",
                hint="Give as many columns as it was fitted on.",
            )
        self.question(VALUE)

    @property
    def inputs(self) -> tuple[str, ...]:
        columns = self.asked.columns
        features = tuple(f"{FEATURES}{number}" for number in range(columns)) if columns else (FEATURES,)
        return (*features, BASE_MARGIN) if self.asked.base_margin else features

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(port for port in self.all_ports() if self.ports is None or port in self.ports)

    @abstractmethod
    def all_ports(self) -> Mapping[str, Type]:
        """All the ports that the op could fill, with their types."""

    @abstractmethod
    def wanting(self, ports: Sequence[str]) -> Self:
        """This op with these of its ports only."""

    def bound(self, ports: Sequence[str]) -> tuple[str, ...] | None:
        """Those of the ports that the op has, None for all of them where it has none."""
        wanted = tuple(port for port in self.all_ports() if port in ports)
        for port in wanted:
            if port in COSTLY:
                try:
                    self.question(COSTLY[port])
                except SkewlessError as error:
                    raise UnsupportedError(
                        f"the booster cannot fill the port {port}: {error.message}",
                        hint="Export the pipeline again without that column.",
                    ) from None
        return wanted or None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        if FILE not in model.files:
            raise attributes.error(f"its booster, the file {FILE}, is missing", "Export the pipeline again.")
        try:
            trained = Trained(model.files[FILE], file=FILE)
        except ArtifactError as error:
            raise attributes.error(f"{FILE}: {error.message}", error.hint) from None
        asked = Asked.decode(attributes, trained.facts.parallel)
        try:
            made = cls.of(trained, asked, attributes)
        except ArtifactError:
            raise
        except SkewlessError as error:
            raise UnsupportedError(f"stage {attributes.stage}: {error.message}", hint=error.hint) from None
        told = attributes.integer("num_features", trained.facts.features)
        if told != trained.facts.features:
            raise attributes.error(
                f"{FILE} is for {trained.facts.features} features, but num_features says {told}"
            )
        return made

    @classmethod
    @abstractmethod
    def of(cls, trained: Trained, asked: Asked, attributes: Attributes) -> Self:
        """The op with its own attributes."""

    def encode(self) -> Mapping[str, Value]:
        facts = self.trained.facts
        return {
            "num_features": spec.integer(facts.features),
            "objective": spec.string(facts.objective),
            **self.asked.encode(facts.parallel),
        }

    def encode_files(self) -> Mapping[str, bytes]:
        return {FILE: self.trained.model}

    def default_types(self) -> tuple[Type, ...]:
        asked = self.asked
        features = (DOUBLE,) * asked.columns if asked.columns else (vector(self.trained.facts.features),)
        return (*features, DOUBLE) if asked.base_margin else features

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if self.asked.base_margin and not inputs[-1].is_number:
            raise TypeRefused(f"a base margin must be a number, not {inputs[-1]}", input=len(inputs) - 1)
        self.features().check(inputs[:-1] if self.asked.base_margin else inputs)
        return tuple(self.all_ports()[port] for port in self.outputs)

    def features(self) -> FeatureRows:
        """How the inputs become rows. XGBoost's own matrix refuses infinity: xgboost4j always makes one."""
        asked = self.asked
        by_matrix = asked.fitted_with == JAVA or not COSTLY.keys().isdisjoint(self.outputs)
        return FeatureRows(
            self.trained.facts.features, asked.absent_missing, by_matrix and not math.isinf(asked.missing)
        )

    def question(self, want: int) -> Question:
        """What to ask the booster; SkewlessError where it has no such answer."""
        if want not in self.questions:
            asked, kind = self.asked, self.trained.facts.booster
            in_place = kind == "gbtree" or (kind == "dart" and asked.fitted_with != JAVA)
            self.questions[want] = Question(
                self.trained,
                want,
                missing=asked.missing,
                rounds=(0, 0) if kind == "gblinear" else asked.rounds,
                by_matrix=not in_place or want in (LEAVES, CONTRIBUTIONS),
            )
        return self.questions[want]

    @abstractmethod
    def answers(self, ask: Callable[[int], Floats]) -> Answers:
        """The main ports of a batch; ``ask`` answers a question for its rows."""

    @abstractmethod
    def answers_row(self, ask: Callable[[int], Any]) -> Answers:
        """The same for one row."""

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        features = inputs[:-1] if self.asked.base_margin else inputs
        margins = narrow_column(inputs[-1]) if self.asked.base_margin else None
        parts: dict[str, list[Numbers]] = {port: [] for port in self.outputs}
        for part, matrix in self.features().parts(features):
            start = None if margins is None else np.ascontiguousarray(margins[part])

            def ask(want: int, matrix: Floats = matrix, start: Floats | None = start) -> Floats:
                return self.question(want).ask(matrix, start)

            made = self.answers(ask)
            for port in self.outputs:
                answer = ask(COSTLY[port]) if port in COSTLY else made[port]
                parts[port].append(answer.astype(np.float64))
        return tuple(
            self._column(self.all_ports()[port], np.concatenate(made)) for port, made in parts.items()
        )

    def _column(self, type_: Type, values: Numbers) -> Column:
        if type_.struct is Struct.ARRAY:
            return from_cells(type_, [np.ravel(row).tolist() for row in values])
        # The Python worker's answers go back to Spark by way of pandas, where NaN is null.
        null = np.isnan(values) if type_ == DOUBLE and self.asked.fitted_with == PYTHON else None
        return Column(type_, values, null if null is not None and null.any() else None)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        with_margin, outputs, answers = self.asked.base_margin, self.outputs, self.answers_row
        cells = self.features().cells(inputs[:-1] if with_margin else inputs)
        single = _narrower(inputs[-1])
        costly = [(port, COSTLY[port]) for port in outputs if port in COSTLY]
        nullable = [
            port for port in outputs if self.all_ports()[port] == DOUBLE and self.asked.fitted_with == PYTHON
        ]

        def kernel(*given: Any) -> Any:
            numbers = cells(*given[:-1]) if with_margin else cells(*given)
            start = single(given[-1]) if with_margin else None

            def ask(want: int) -> Any:
                return _ask_row(self.question(want), numbers, start)

            made = answers(ask)
            for port, want in costly:
                answer = ask(want)
                made[port] = answer if isinstance(answer, list) else [answer]
            for port in nullable:
                if made[port] != made[port]:
                    made[port] = None
            values = tuple([made[port] for port in outputs])
            return values if len(values) > 1 else values[0]

        return kernel


def _narrower(type_: Type) -> Callable[[Any], Floats]:
    """The function from a base margin to the array that XGBoost takes it from."""
    dtype = np.int64 if type_.base is Base.LONG else np.float64

    def narrow(cell: Any) -> Floats:
        if cell is None:
            return np.array([math.nan], np.float32)
        with np.errstate(over="ignore"):
            return np.array([cell], dtype).astype(np.float32)

    return narrow


def _ask_row(question: Question, numbers: Sequence[float], start: Floats | None) -> Any:
    if start is None:
        try:
            return question.ask_row(numbers)
        except OverflowError:
            pass
    made = question.ask(narrow_row(numbers).reshape(1, -1), start)[0]
    return made.ravel().tolist() if question.shape else made.item()
