"""What an op is, and the table of all ops.

An op is a frozen record of fitted values with two kernels, one for a whole batch and one for a row, that give the same
bits. Its file holds everything about it: kernels, bundle codec, Spark reader and hostile examples, so that adding an
op is one file, and one line in `skewless.ops.families`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless.errors import SettingError, UnsupportedError
from skewless.ops.compiling import Source, Symbol
from skewless.ops.families import Entries, Ops
from skewless.ops.ml_attributes import MLAttributes
from skewless.schema import Type
from skewless.spec import Model, Value
from skewless.table import Column, Mask, Numbers
from skewless.trust import Trust

RowKernel: TypeAlias = Callable[..., Any]
"""Takes the op's inputs as Python objects (vectors as lists of floats, None for null); gives its output, or a tuple
of its outputs where it has several."""


class Refused(Exception):
    """A kernel met a value it must not process. Whoever runs the op adds stage, column and row to it."""

    def __init__(
        self, message: str, *, value: Any, position: int = 0, input: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.value = value
        self.position = position
        self.input = input
        self.hint = hint


class Skipped(Exception):
    """A row kernel drops the row, as ``handleInvalid="skip"`` asks."""


class TypeRefused(Exception):
    """An op cannot take a column of this type; ``input`` counts its inputs from 0."""

    def __init__(self, message: str, *, input: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.input = input


class UlpsOfLargest(int):
    """Units in the last place of the largest number of a vector, for ops in whose slots terms may cancel."""


@dataclass(frozen=True, slots=True)
class Example:
    """An op with inputs that must not surprise it: the contract suite runs them through both kernels."""

    op: Op
    inputs: tuple[Column, ...]


class Op(ABC):
    """Base of all ops. Subclasses are frozen dataclasses of fitted values."""

    name: ClassVar[str]
    """The op's name in a bundle."""
    ulps: ClassVar[int] = 0
    """How many units in the last place its numbers may differ from the fitting engine's; 0 is bit-equal."""
    why_not_bits: ClassVar[str] = ""
    """The reason, where ``ulps`` is not 0."""
    bad_values: ClassVar[str]
    """For the reference pages: what becomes of null, NaN, unseen and other bad values, as in Spark."""
    mleap: ClassVar[str]
    """For the reference pages: where MLeap's op differs; empty where it does the same, "absent" where it has none."""
    pure: ClassVar[bool] = True
    """Whether its row kernel gives the same whenever it is given the same, and so may run ahead of any row."""
    any_form: ClassVar[bool] = False
    """Whether its row kernel gives the same for a vector in either form."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The input ports, in the order in which the kernels take them."""
        return ("input",)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output ports, in the order in which the kernels give them."""
        return ("output",)

    @classmethod
    @abstractmethod
    def decode(cls, model: Model) -> Self:
        """The op from a bundle's model. ArtifactError where the attributes are not what the op needs."""

    @abstractmethod
    def encode(self) -> Mapping[str, Value]:
        """The op's attributes for a bundle, readable by MLeap where it has the op."""

    def encode_files(self) -> Mapping[str, bytes]:
        """Side files of the op in a bundle, by name (trees always as JSON lines, whatever the bundle's format)."""
        return {}

    def encode_models(self) -> Mapping[str, Model]:
        """Sub-models of the op in a bundle, by folder."""
        return {}

    @abstractmethod
    def default_types(self) -> tuple[Type, ...]:
        """The inputs' types where nothing else says what they are."""

    @abstractmethod
    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        """The outputs' types for these inputs. TypeRefused where an input's type will not do."""

    def narrowed(self, inputs: Sequence[Type]) -> Sequence[Type]:
        """Its inputs' types as they are known after it; asked of an op without outputs, which only looks at them."""
        return inputs

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        """The outputs' ML attributes as Spark sets them, for inputs of these attributes and types; None: not known."""
        return [None] * len(self.outputs)

    def wanting(self, ports: Sequence[str]) -> Self:
        """This op where only these output ports are bound; one that fills some at a cost then leaves those out."""
        return self

    def keep(self, *inputs: Column) -> Mask | None:
        """The rows that stay, where the op drops rows; it is asked before ``columns``."""
        return None

    def trusting(self, trust: Trust) -> Self:
        """This op as it is where the user trusts as much; only one that carries code is not the same."""
        return self

    def check_trust(self) -> None:  # noqa: B027 - most ops are data, and have nothing to check
        """TrustError where it carries code that is not trusted; its kernels raise the same."""

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        """How far each output may lie from the fitting engine's in each row, where the inputs may by ``given``.

        That comes on top of ``ulps``, for sums whose rounding no unit of their result tells; infinite where a choice
        is open.
        """
        doubt = np.zeros(len(inputs[0]) if inputs else 0)
        for one in given:
            doubt = np.where(one > 0.0, np.inf, doubt)
        return [doubt] * len(self.outputs)

    @abstractmethod
    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        """The batch kernel. Refused where a value must not be processed."""

    @abstractmethod
    def row(self, inputs: Sequence[Type]) -> RowKernel:
        """The row kernel for inputs of these types; all preparation is done here, once."""

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        """What the row kernel gives, in the source of a compiled row path; None to have the kernel called there.

        None stands for an output that is not ``wanted`` too. What the kernel would refuse or drop is given up.
        """
        return None

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterable[Example]:
        """Fitted ops with hostile rows: null, NaN, infinities, -0.0, unseen values, no rows."""


@dataclass(frozen=True, slots=True)
class SparkStage:
    """A fitted Spark stage as it was saved: class, parameters with their defaults, and tables of fitted values."""

    uid: str
    spark_class: str
    params: Mapping[str, Any]
    tables: Callable[[str], Sequence[Mapping[str, Any]]]
    """The rows of a saved table, by its folder's name."""
    sizes: Callable[[str], Type | None]
    """The type of a column, as far as the stages before it and the sample tell."""
    attributes: Callable[[str], MLAttributes | None]
    """The ML attributes of a column; None where neither the sample nor the stages before it tell."""
    sub: Callable[[str], SparkStage]
    """The stage that is saved in a folder of this one (the models of a OneVsRest, say)."""
    blas: str = "vector:4"
    """The order in which its Spark adds products; see `skewless.ops.blas.Order`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the metadata say, beside the parameters (numFeatures, numClasses, rank)."""
    stages: Callable[[], Sequence[SparkStage]] = tuple
    """The stages of a saved pipeline, in order."""
    known: Mapping[str, Type] = field(default_factory=dict)
    """The columns that are there, with their types, as far as the stages before it and the sample tell."""
    ansi: bool | None = None
    """Whether its Spark follows ANSI rules in SQL; None where that is not known."""
    text: Callable[[str], str] = str
    """A text that was saved in a folder, without the ends of its lines."""

    def param(self, name: str, default: Any = None) -> Any:
        """A parameter as it was set, or its default."""
        return self.params.get(name, default)

    def metadata(self, column: str) -> MLAttributes:
        """The ML attributes of a column; empty where it has none or they are not known."""
        return self.attributes(column) or {}

    def fitted(self) -> Mapping[str, Any]:
        """The single row of fitted values that most models have."""
        rows = self.tables("data")
        if len(rows) != 1:
            raise UnsupportedError(
                f"{self}: its saved data has {len(rows)} rows where one is expected",
                hint="Save the model again with the Spark version that fitted it.",
            )
        return rows[0]

    def columns(self, direction: str) -> tuple[str, ...]:
        """The stage's input or output columns (``direction`` is ``input`` or ``output``), in either form."""
        several = self.params.get(f"{direction}Cols")
        if several is not None:
            return tuple(several)
        return (str(self.params[f"{direction}Col"]),)

    def __str__(self) -> str:
        return f"stage {self.uid} ({self.spark_class})"


@dataclass(frozen=True, slots=True)
class Lowered:
    """An op with the columns it reads and writes, as a Spark reader hands it over; "" is an output not wanted.

    ``temporary`` outputs are read by later stages only and not shown, as Spark drops them; an ``optional`` stage is
    left out where its input is not given (the label, say).
    """

    op: Op
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    temporary: bool = False
    optional: bool = False


SparkReader: TypeAlias = Callable[[SparkStage], Iterable[Lowered]]
"""Gives the ops of a stage in order. What a stage says of a column is up to date whenever the next op is asked for."""


@dataclass(frozen=True, slots=True)
class SparkSupport:
    """How a Spark class is read: into which ops, and for the reference pages, in which of its forms."""

    read: SparkReader
    ops: tuple[type[Op], ...]
    forms: str


OPS: Final[Ops[type[Op]]] = Ops("op")
SPARK_READERS: Final[Entries[SparkSupport]] = Entries("Spark class")


def register(op: type[Op]) -> type[Op]:
    """Enter an op in the table; a duplicate name or a missing part is refused at import."""
    missing = sorted(getattr(op, "__abstractmethods__", ()))
    if missing:
        raise SettingError(f"op {op.__name__} lacks {', '.join(missing)}")
    if bool(op.ulps) != bool(op.why_not_bits):
        raise SettingError(f"op {op.__name__} must say why it is not bit-equal, where it is not")
    if not getattr(op, "bad_values", "") or not hasattr(op, "mleap"):
        raise SettingError(
            f"op {op.__name__} must say what becomes of bad values, and where MLeap's differs (bad_values, mleap)"
        )
    OPS.enter(op.name, op)
    return op


def reads_spark(*classes: str, ops: tuple[type[Op], ...], forms: str) -> Callable[[SparkReader], SparkReader]:
    """Enter a reader for saved Spark stages of these exact classes (never of their subclasses).

    ``ops`` are those that it gives; ``forms`` says for the reference pages what of the class it takes
    (``one or several columns; error, keep, skip``).
    """

    if not ops or not forms:
        raise SettingError(
            f"the reader of {', '.join(classes)} must say which ops it gives, and in which forms"
        )

    def enter(reader: SparkReader) -> SparkReader:
        for spark_class in classes:
            SPARK_READERS.enter(spark_class, SparkSupport(reader, ops, forms))
        return reader

    return enter
