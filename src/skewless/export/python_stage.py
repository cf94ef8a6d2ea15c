"""The user's own Python as a stage of Spark's pipelines: fitted, transformed, saved and loaded by PySpark's rules.

Spark's workers run the very op that serving runs, from the same source, so that it cannot do otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCols, HasOutputCols
from pyspark.ml.util import (
    DefaultParamsReader,
    DefaultParamsWriter,
    MLReadable,
    MLReader,
    MLWritable,
    MLWriter,
)
from pyspark.sql import DataFrame, functions
from pyspark.sql.types import StructField, StructType

from skewless.errors import ParityError, SettingError, SkewlessError, TrustError, UnsupportedError
from skewless.export.bundle_model import spark_type
from skewless.export.source import source_of, text_of
from skewless.export.spark import to_arrow as frame_to_arrow
from skewless.ops import execute
from skewless.ops.op import Refused
from skewless.ops.own_python import OwnPython
from skewless.ops.python_code import Code, CodeError
from skewless.python_stage import PythonStage, fields_of, is_overridden
from skewless.schema import Field, Schema
from skewless.settings import Settings
from skewless.table import Column, column_from_arrow, from_arrow, to_arrow
from skewless.transforms.parity import same
from skewless.trust import Trust
from skewless.vectors import SparseVector

CHECKED_ROWS: Final = 1000
"""Rows of a batch for which both functions are asked; as many as are kept as parity rows."""
_ARROW_UDF: Final[Any] = getattr(functions, "arrow_udf", None)
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def stage(
    own: PythonStage, *, inputs: Mapping[str, str] = _NONE, outputs: Mapping[str, str] = _NONE
) -> PythonStageEstimator | PythonStageModel:
    """A stage for `pyspark.ml.Pipeline`: an Estimator where the class has ``fit``, otherwise a Transformer.

    ``inputs`` and ``outputs`` rename columns: from the names that the class declares to those of the frame.
    SettingError or UnsupportedError tells what of the object cannot travel.
    """
    name = type(own).__name__
    code = _code_of(own)
    made = PythonStageEstimator() if is_overridden(own, "fit") else PythonStageModel()
    made._resetUid(made.uid.replace(type(made).__name__, name))
    made.op = OwnPython(code, trusted=True)
    further = fields_of(own.fit_inputs, f"{name}.fit_inputs")
    made._set(
        inputCols=_renamed(f"{name}.inputs", code.inputs, inputs, further),
        outputCols=_renamed(f"{name}.outputs", code.outputs, outputs),
    )
    if isinstance(made, PythonStageEstimator):
        made._set(fitCols=[inputs.get(one.name, one.name) for one in further])
    return made


def _code_of(own: PythonStage) -> Code:
    """The object as it is now, with its source; it has been executed once, so that faults show here."""
    if not isinstance(own, PythonStage):
        raise SettingError(
            f"a {type(own).__name__} is no PythonStage",
            hint="Give an object of your own class of PythonStage.",
        )
    if _ARROW_UDF is None:
        raise UnsupportedError("your own Python as a stage needs PySpark 4.1", hint="Install pyspark>=4.1.")
    name = type(own).__name__
    for declared, what in ((own.inputs, "inputs"), (own.outputs, "outputs")):
        if not fields_of(declared, f"{name}.{what}"):
            raise SettingError(
                f"{name} declares no {what}", hint=f'Say, for example: {what} = {{"x": "double"}}.'
            )
    if not is_overridden(own, "row"):
        raise SettingError(
            f"{name} has no function row", hint="A request is one row; give row, beside columns."
        )
    requires = tuple(own.requires)
    source = source_of(type(own), requires)
    try:
        pins = execute.pinned(requires)
        code = Code.of(own, source.encode(), pins, columns=is_overridden(own, "columns"))
        execute.fresh(code)
    except CodeError as error:
        raise UnsupportedError(
            f"class {name} cannot be a stage: {error}", hint="Correct its module."
        ) from error
    return code


def _renamed(
    what: str, declared: Sequence[Field], names: Mapping[str, str], further: Sequence[Field] = ()
) -> list[str]:
    known = [one.name for one in (*declared, *further)]
    for name in names:
        if name not in known:
            raise SettingError(f"{what} has no {name!r} to rename", hint=f"It has: {', '.join(known)}.")
    return [names.get(one.name, one.name) for one in declared]


class _Own(HasInputCols, HasOutputCols, MLWritable, MLReadable[Any]):
    """What a stage is before and after fitting: an op with columns."""

    op: OwnPython

    def write(self) -> MLWriter:
        """PySpark's writer of it."""
        return _Writer(self)

    @classmethod
    def read(cls) -> MLReader[Any]:
        """PySpark's reader of it. Code that this process does not have must be trusted: ``SKEWLESS_TRUST``."""
        return _Reader(cls)

    def _trusted(self) -> OwnPython:
        try:
            self.op.check_trust()
        except TrustError as error:
            error.stage = self.uid
            error.hint = (
                "If it is yours, import the module that defines it before loading; if you trust whoever saved it, "
                f"set SKEWLESS_TRUST={error.digest}."
            )
            raise
        return self.op

    def _picked(self, dataset: DataFrame, fields: Sequence[Field], columns: Sequence[str]) -> Iterator[Any]:
        """Columns of the frame under the names that the class gives them. SettingError where their types differ."""
        for field, column in zip(fields, columns, strict=True):
            if column not in dataset.columns:
                raise SettingError(
                    f"stage {self.uid}: there is no column {column!r}",
                    hint=f"The frame has: {', '.join(dataset.columns)}.",
                )
            given, wanted = dataset.schema[column].dataType, spark_type(field.type)
            if given.simpleString() != wanted.simpleString():
                raise SettingError(
                    f"stage {self.uid}: column {column!r} is {given.simpleString()}, but "
                    f"{self.op.code.class_name} declares {field}",
                    hint=f'Cast it before: col("{column}").cast("{wanted.simpleString()}").',
                )
            yield functions.col(_quoted(column)).alias(field.name)


class PythonStageEstimator(Estimator["PythonStageModel"], _Own):
    """A `PythonStage` with ``fit``, before it."""

    fitCols: Param[list[str]] = Param(
        Params._dummy(), "fitCols", "columns that only fit sees.", typeConverter=TypeConverters.toListString
    )

    def _fit(self, dataset: DataFrame) -> PythonStageModel:
        code = self._trusted().code
        own = execute.fresh(code)
        fields = (*code.inputs, *fields_of(own.fit_inputs, f"{code.class_name}.fit_inputs"))
        columns = [*self.getInputCols(), *self.getOrDefault(self.fitCols)]
        rows = frame_to_arrow(dataset.select(*self._picked(dataset, fields, columns)))
        try:
            own.fit(from_arrow(rows, Schema(fields)).to_arrow())
        except Exception as error:
            told = execute.told(error, code.source)
            raise SkewlessError(f"stage {self.uid}: {code.class_name}.fit raised {told}") from error
        fitted = Code.of(own, code.source.encode(), code.requires, columns=code.has_columns)
        for before, after in ((code.inputs, fitted.inputs), (code.outputs, fitted.outputs)):
            if [one.name for one in before] != [one.name for one in after]:
                raise SettingError(
                    f"stage {self.uid}: {code.class_name}.fit may set types of columns, not names"
                )
        model = PythonStageModel()
        model._resetUid(self.uid)
        model.op = OwnPython(fitted, trusted=True)
        return self._copyValues(model)


class PythonStageModel(Model, _Own):
    """A `PythonStage` that transforms: fitted, or with nothing to fit."""

    def _transform(self, dataset: DataFrame) -> DataFrame:
        op = self._trusted()
        picked = list(self._picked(dataset, op.code.inputs, self.getInputCols()))
        outputs = self.getOutputCols()
        for name in outputs:
            if name in dataset.columns:
                raise SettingError(f"stage {self.uid}: there is already a column {name!r}")
        fields = [StructField(one.name, spark_type(one.type)) for one in op.code.outputs]
        run = _ARROW_UDF(_runner(op, self.uid, self.getInputCols()), StructType(fields))
        made = functions.col(_quoted(self.uid))
        parts = (
            made[one.name].alias(name, metadata=_metadata(one))
            for one, name in zip(op.code.outputs, outputs, strict=True)
        )
        return dataset.withColumn(self.uid, run(*picked)).select("*", *parts).drop(self.uid)


def _metadata(field: Field) -> dict[str, Any]:
    """A vector's length, for the stages that ask for it."""
    return {} if field.type.size is None else {"ml_attr": {"num_attrs": field.type.size}}


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _runner(op: OwnPython, uid: str, columns: Sequence[str]) -> Callable[..., pa.Array]:
    """What Spark's workers run on a batch."""

    def run(*arrays: pa.Array) -> pa.Array:
        given = [
            column_from_arrow(pa.table({name: array}), Field(name, one.type))
            for name, one, array in zip(columns, op.code.inputs, arrays, strict=True)
        ]
        try:
            made = op.columns(*given)
            if op.code.has_columns:
                _check_agreement(op, uid, given, made)
        except Refused as refused:
            where = ", ".join(map(repr, columns))
            raise SkewlessError(
                f"stage {uid}, column {where}: {refused.message}", hint=refused.hint
            ) from refused
        return pa.StructArray.from_arrays(
            [to_arrow(column, "sparse") for column in made], names=list(op.outputs)
        )

    return run


def _check_agreement(op: OwnPython, uid: str, given: Sequence[Column], made: Sequence[Column]) -> None:
    """ParityError where the class's two functions differ."""
    kernel = op.row([column.type for column in given])
    for row in range(min(len(given[0]), CHECKED_ROWS)):
        cells = [column.cell(row) for column in given]
        alone = kernel(*cells)
        for name, column, one in zip(op.outputs, made, alone if len(made) > 1 else (alone,), strict=True):
            other = column.cell(row)
            if not same(one, other) or isinstance(one, SparseVector) != isinstance(other, SparseVector):
                raise ParityError(
                    f"{op.code.class_name}.columns gives {other!r} where {op.code.class_name}.row gives {one!r}, "
                    f"for {', '.join(map(repr, cells))}",
                    stage=uid,
                    column=name,
                    expected=one,
                    actual=other,
                    hint="Both must give the same bits: leave columns out, or compute in the same order.",
                )


class _Writer(MLWriter):
    def __init__(self, instance: _Own) -> None:
        super().__init__()
        self.instance = instance

    def saveImpl(self, path: str) -> None:
        code = self.instance.op.code
        session = self.sparkSession
        DefaultParamsWriter.saveMetadata(self.instance, path, session, {"sha256": code.digest})
        files = [(name, bytearray(data)) for name, data in code.files]
        rows = session.createDataFrame(files, "name string, content binary")
        rows.coalesce(1).write.parquet(_data(path))


class _Reader(MLReader[Any]):
    def __init__(self, kind: type[_Own]) -> None:
        super().__init__()
        self.kind = kind

    def load(self, path: str) -> Any:
        told = DefaultParamsReader.loadMetadata(path, self.sparkSession)
        rows = self.sparkSession.read.parquet(_data(path)).collect()
        try:
            code = Code.of_files({row["name"]: bytes(row["content"]) for row in rows})
        except CodeError as error:
            raise SkewlessError(f"stage {told['uid']} in {path}: {error}", hint="Save it again.") from None
        made = self.kind()
        made._resetUid(told["uid"])
        DefaultParamsReader.getAndSetParams(made, told)
        trust = Settings.read().trust | Trust(_is_here(code))
        made.op = OwnPython(code, recorded=told.get("sha256")).trusting(trust)
        return made


def _data(path: str) -> str:
    return f"{path.rstrip('/')}/data"


def _is_here(code: Code) -> bool:
    """Whether this process has the class already, with the same source: then loading brings no new code."""
    return any(_is_source(kind, code) for kind in _below(PythonStage) if kind.__name__ == code.class_name)


def _is_source(kind: type[PythonStage], code: Code) -> bool:
    try:
        return text_of(kind) == code.source
    except (UnsupportedError, OSError):
        return False


def _below(kind: type[PythonStage]) -> Iterator[type[PythonStage]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
