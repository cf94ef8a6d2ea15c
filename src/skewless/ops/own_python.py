"""A stage in the user's own Python: `skewless.PythonStage`, run only where its code is trusted."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import ArtifactError, SettingError, TrustError, UnsupportedError, ValueRefused
from skewless.ops import execute
from skewless.ops.ml_attributes import MLAttributes
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    TypeRefused,
    reads_spark,
    register,
)
from skewless.ops.python_code import SOURCE, TOLD, Code, CodeError
from skewless.ops.python_values import Misfit, column_of, given_cell, given_column, taken_cell
from skewless.python_stage import PythonStage
from skewless.schema import DOUBLE, STRING, Field, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.trust import Trust
from skewless.vectors import SparseVector

SPARK_CLASS = "skewless.export.python_stage.PythonStageModel"


@register
@dataclass(frozen=True, slots=True)
class OwnPython(Op):
    """What the user's functions ``row`` and ``columns`` give, from the source that travels in the bundle.

    Spark runs this very op, so the bits are the same. Without trust it is data: it can be read, bound and written, and
    every attempt to run it is a TrustError. ``recorded`` is the digest that the bundle states, ``place`` its file and
    stage.
    """

    name: ClassVar[str] = "skewless.python"
    bad_values: ClassVar[str] = (
        "null, NaN and the rest reach the function as they are (null as None); what it raises, or gives of another "
        "type than it declares, is refused with the line of its source"
    )
    mleap: ClassVar[str] = "absent"
    pure: ClassVar[bool] = False

    code: Code
    trusted: bool = field(default=False, compare=False)
    recorded: str | None = field(default=None, compare=False)
    place: tuple[str | None, str | None] = field(default=(None, None), compare=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.code.inputs)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.code.outputs)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        try:
            code = Code.of_files(model.files)
        except (CodeError, SettingError) as error:
            raise attributes.error(str(error), "Export the pipeline again, or repair the file.") from None
        return cls(code, False, attributes.string("sha256"), (attributes.file, attributes.stage))

    def encode(self) -> Mapping[str, Value]:
        return {"class": spec.string(self.code.class_name), "sha256": spec.string(self.code.digest)}

    def encode_files(self) -> Mapping[str, bytes]:
        return dict(self.code.files)

    def trusting(self, trust: Trust) -> Self:
        if self.recorded not in (None, self.code.digest):
            return self
        return replace(self, trusted=self.trusted or trust.allows(self.code.digest))

    def check_trust(self) -> None:
        if self.trusted:
            return
        file, stage = self.place
        source = SOURCE if file is None else f"{file.rpartition('/')[0]}/{SOURCE}"
        digest, name = self.code.digest, self.code.class_name
        if self.recorded not in (None, digest):
            raise TrustError(
                f"the code or the values of {name} were changed after the export: their SHA-256 is {digest} "
                f"and was {self.recorded}",
                digest=digest,
                file=source,
                stage=stage,
                hint="Export it again from the fitted model; never edit it by hand.",
            )
        raise TrustError(
            f"it runs the Python class {name}, which you have not said that you trust; its SHA-256 is {digest}",
            digest=digest,
            file=source,
            stage=stage,
            hint=f"Read {SOURCE} and {TOLD} there. If you trust them, say so with this hash: load(path, trust=[HASH]), "
            "--trust HASH, SKEWLESS_TRUST=HASH, or `trust: [HASH]` of the container in pipeline.yaml.",
        )

    def default_types(self) -> tuple[Type, ...]:
        return tuple(one.type for one in self.code.inputs)

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        return [{} if one.type.size is None else {"num_attrs": one.type.size} for one in self.code.outputs]

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (declared, given) in enumerate(zip(self.code.inputs, inputs, strict=True)):
            same_size = None in (declared.type.size, given.size) or declared.type.size == given.size
            if (declared.type.base, declared.type.struct) != (given.base, given.struct) or not same_size:
                raise TypeRefused(f"{self.code.class_name} reads {declared}, not {given}", input=position)
        return tuple(one.type for one in self.code.outputs)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        stage = self._built()
        if self.code.has_columns and len(inputs[0]):
            given = [given_column(column) for column in inputs]
            # Null and wide vectors have no array to stand in: such batches go row by row.
            if all(one is not None for one in given):
                return self._batch(stage, given, inputs)
        kernel = self.row([column.type for column in inputs])
        rows = []
        for position in range(len(inputs[0])):
            try:
                made = kernel(*[column.cell(position) for column in inputs])
            except Refused as refused:
                refused.position = position
                raise
            rows.append(made if len(self.outputs) > 1 else (made,))
        cells = [[row[number] for row in rows] for number in range(len(self.outputs))]
        return self._columns(cells, lambda one, values: from_cells(one.type, values))

    def _batch(
        self, stage: PythonStage, given: Sequence[Any], inputs: Sequence[Column]
    ) -> tuple[Column, ...]:
        try:
            made = stage.columns(*given)
        except (Exception, SystemExit) as error:
            raise self._culprit(stage, error, inputs) from error
        values = self._several(made, "columns")
        return self._columns(values, lambda one, values: column_of(values, one, len(inputs[0])))

    def _culprit(self, stage: PythonStage, error: BaseException, inputs: Sequence[Column]) -> Refused:
        """The exception with the first row that makes one alone; with the first of all where none does."""
        for position in range(len(inputs[0])):
            alone = np.arange(len(inputs[0])) == position
            try:
                stage.columns(*[given_column(column.take(alone)) for column in inputs])
            except (Exception, SystemExit) as same:
                return self._fault("columns", same, [column.cell(position) for column in inputs], position)
        return self._fault("columns", error, None, 0)

    def _columns(self, made: Sequence[Any], build: Callable[[Field, Any], Column]) -> tuple[Column, ...]:
        columns = []
        for one, values in zip(self.code.outputs, made, strict=True):
            try:
                columns.append(build(one, values))
            except (Misfit, ValueRefused) as error:
                position = 0 if error.row is None else error.row - 1
                what = f"{self.code.class_name} gave for {one}: {error.message}"
                raise Refused(what, value=None, position=position) from None
        return tuple(columns)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        if not self.trusted:
            return self._refuse
        call = self._built().row
        give = [given_cell(type_) for type_ in inputs]
        take = [taken_cell(one.type) for one in self.code.outputs]

        def kernel(*cells: Any) -> Any:
            try:
                made = call(*[of(cell) for of, cell in zip(give, cells, strict=True)])
            except (Exception, SystemExit) as error:
                raise self._fault("row", error, cells, 0) from error
            taken = []
            for one, of, value in zip(self.code.outputs, take, self._several(made, "row"), strict=True):
                try:
                    taken.append(of(value))
                except Misfit as misfit:
                    what = f"{self.code.class_name}.row gave for {one}: {misfit.message}"
                    raise Refused(f"{what}{self._from(cells)}", value=None) from None
            return taken[0] if len(taken) == 1 else tuple(taken)

        return kernel

    def _refuse(self, *cells: Any) -> Any:
        self.check_trust()

    def _built(self) -> PythonStage:
        """The object that runs. TrustError without trust; ArtifactError where the code does not run here."""
        self.check_trust()
        file, stage = self.place
        try:
            return execute.shared(self.code)
        except CodeError as error:
            hint = error.command if isinstance(error, execute.Missing) else None
            hint = f"Run: {hint}" if hint else "Correct the class, and fit and export again."
            raise ArtifactError(
                f"{self.code.class_name}: {error}", file=file, stage=stage, hint=hint
            ) from error

    def _several(self, made: Any, function: str) -> Sequence[Any]:
        wanted = len(self.code.outputs)
        if wanted == 1:
            return (made,)
        if isinstance(made, tuple) and len(made) == wanted:
            return made
        what = f"{len(made)} values" if isinstance(made, tuple) else f"a {type(made).__name__}"
        names = ", ".join(self.outputs)
        raise Refused(
            f"{self.code.class_name}.{function} gave {what} where its {wanted} outputs are a tuple of {names}",
            value=None,
        )

    def _fault(
        self, function: str, error: BaseException, cells: Sequence[Any] | None, position: int
    ) -> Refused:
        of = "" if cells is None else self._from(cells)
        what = execute.told(error, self.code.source)
        return Refused(
            f"{self.code.class_name}.{function} raised {what}{of}",
            value=None if cells is None else cells[0],
            position=position,
            hint="Correct the value, or the class, and fit and export again.",
        )

    def _from(self, cells: Sequence[Any]) -> str:
        shown = ", ".join(f"{name}={_short(cell)}" for name, cell in zip(self.inputs, cells, strict=True))
        return f", for {shown}"

    @classmethod
    def examples(cls) -> Iterable[Example]:
        yield from _examples()


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _example(
    body: str, inputs: Mapping[str, str], outputs: Mapping[str, str], **attributes: Any
) -> OwnPython:
    """An op of a class with this body, trusted because it is ours."""
    told = {
        "class": "Example",
        "inputs": inputs,
        "outputs": outputs,
        "requires": [],
        "attributes": attributes,
    }
    imports = "import numpy as np\nimport pyarrow as pa\nfrom skewless.python_stage import PythonStage\n"
    head = f"{imports}class Example(PythonStage):\n"
    files = {
        SOURCE: f"{head}{textwrap.indent(textwrap.dedent(body), '    ')}".encode(),
        TOLD: json.dumps({**told, "columns": "def columns" in body}).encode(),
    }
    return OwnPython(Code.of_files(files), trusted=True)


_TEXTS = """
def row(self, text, number):
    return None if text is None else text.upper() + self.ends[0], number is not None and number > 0
"""
_SLOTS = """
def row(self, slots, number):
    with np.errstate(invalid="ignore"):
        return None if slots is None or number is None else slots * number + self.shift
def columns(self, slots, number):
    with np.errstate(invalid="ignore"):
        made = slots * number.to_numpy(zero_copy_only=False)[:, None] + self.shift
    absent = number.is_null().to_pylist()
    return pa.array([None if no else one for one, no in zip(made.tolist(), absent)], pa.list_(pa.float64()))
"""
_FAILS = """
def row(self, number):
    return {0.0: 1 / 2, 1.0: "one", 2.0: (), 3.0: 10**400}.get(number) or 1 / (number - 4)
"""


def _examples() -> Iterable[Example]:
    numbers = [1.5, -0.0, math.nan, math.inf, 5e-324, None, -math.inf]
    texts = from_cells(STRING, ["a", None, "", "ß,\n", "ü", "I", "unseen"])
    two = {"upper": "string", "positive": "boolean"}
    op = _example(_TEXTS, {"text": "string", "number": "double"}, two, ends=["!"])
    yield Example(op, (texts, from_cells(DOUBLE, numbers)))
    yield Example(op, (from_cells(STRING, []), from_cells(DOUBLE, [])))
    op = _example(_SLOTS, {"slots": "vector[2]", "number": "double"}, {"y": "vector[2]"}, shift=-0.0)
    for slots in (
        [[-0.0, math.nan], [math.inf, 5e-324], SparseVector(2, [1], [-2.5]), [1.0, 2.0]],
        [[1.0, 2.0], None, SparseVector(2, [], []), [3.0, 4.0]],
        [],
    ):
        yield Example(op, (from_cells(vector(2), slots), from_cells(DOUBLE, numbers[-4:][: len(slots)])))
    op = _example(_FAILS, {"number": "double"}, {"y": "double"})
    for number in (0.0, 1.0, 2.0, 3.0, 4.0, None):
        yield Example(op, (from_cells(DOUBLE, [0.0, number]),))


@reads_spark(
    SPARK_CLASS,
    ops=(OwnPython,),
    forms="your own class of `skewless.PythonStage`, with or without fit; any number of columns",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    files = {str(row["name"]): bytes(row["content"]) for row in stage.tables("data")}
    try:
        code = Code.of_files(files)
    except (CodeError, SettingError) as error:
        raise UnsupportedError(f"{stage}: {error}", hint="Save the model again.") from None
    if stage.extra.get("sha256") != code.digest:
        raise UnsupportedError(f"{stage}: its files were changed after it was saved", hint="Save it again.")
    return [Lowered(OwnPython(code), stage.columns("input"), stage.columns("output"))]
