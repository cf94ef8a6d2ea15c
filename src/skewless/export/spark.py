"""Fitted PySpark models to bundles, with parity rows as Spark itself computed them."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyspark
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as spark_types
from pyspark.sql.pandas.types import to_arrow_type

from skewless.bundles import sparkml
from skewless.bundles.bundle import save
from skewless.errors import ParityError, SettingError, SkewlessError, UnsupportedError
from skewless.export import selects
from skewless.export.blas import JAVA_ONLY, NATIVE, is_native, order_of
from skewless.export.java import use_java
from skewless.ops.ml_attributes import MLAttributes
from skewless.ops.refused import refusal
from skewless.schema import Base, Field, Schema, Struct, Type, vector
from skewless.spec import TEMPORARY, StageGraph
from skewless.transforms.parity import replay
from skewless.transforms.transform import Transform
from skewless.trust import Trust

PARITY_ROWS = 1000
"""Parity rows kept by default: enough to meet every label of ordinary features, small enough to replay at each load."""

_BASES: Mapping[type[spark_types.DataType], Base] = {
    spark_types.BooleanType: Base.BOOLEAN,
    spark_types.ByteType: Base.BYTE,
    spark_types.ShortType: Base.SHORT,
    spark_types.IntegerType: Base.INT,
    spark_types.LongType: Base.LONG,
    spark_types.FloatType: Base.FLOAT,
    spark_types.DoubleType: Base.DOUBLE,
    spark_types.StringType: Base.STRING,
}


VECTOR = VectorUDT()
_STRUCT = pa.struct(
    [
        ("type", pa.int8()),
        ("size", pa.int32()),
        ("indices", pa.list_(pa.int32())),
        ("values", pa.list_(pa.float64())),
    ]
)
_LOG4J = Path(__file__).with_name("log4j2.properties")
_LOCAL: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # One machine talks to itself; whatever name or address it has outside does not matter.
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG4J.as_uri()} {JAVA_ONLY}",
}


class FittedModel(Protocol):
    """What is asked of a model: that it transforms and that Spark can save it."""

    def transform(self, dataset: DataFrame) -> DataFrame: ...

    def write(self) -> Any: ...


def session(name: str, master: str = "local[*]", **conf: str) -> SparkSession:
    """A local Spark session with a Java that is known to work, quiet but for errors.

    ``conf`` are Spark's settings with dots as double underscores: ``spark__driver__memory="4g"``.
    """
    use_java()
    # Python workers shall have the packages that this process has.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        # Spark asks for the machine's own name otherwise, which not every machine can resolve.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        os.environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")
    builder = SparkSession.builder.appName(name).master(master)
    given = {key.replace("__", "."): value for key, value in conf.items()}
    for key, value in {**_LOCAL, **given}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def export(
    model: FittedModel,
    path: str | Path,
    sample: DataFrame | None = None,
    *,
    format: str = "json",
    parity_rows: int = PARITY_ROWS,
) -> Path:
    """Write a fitted model or PipelineModel as a bundle; a path ending .zip or .tar.gz is an archive, else a folder.

    ``sample`` is a frame with the model's input columns: up to ``parity_rows`` of its rows travel in the bundle with
    what every stage made of them, and loading replays them. UnsupportedError names the stage that cannot be exported.
    """
    if not hasattr(model, "write") or not hasattr(model, "transform"):
        raise _no_model(model)
    known = known_schema(sample) if sample is not None else None
    attributes = _Attributes(model, sample)
    # Spark's own saved form is read back, so that a live model and a saved one take the same way.
    with tempfile.TemporaryDirectory(prefix="skewless-export-") as folder:
        saved = _save(model, Path(folder) / "model")
        blas = str(order_of(_active_session()))
        graph = sparkml.read(saved, inputs=known, metadata=attributes, blas=blas, ansi=_follows_ansi())
    inputs, rows = (None, None) if sample is None else _parity(model, graph, sample, known, parity_rows)
    if rows is not None:
        # Never write what does not do as Spark did: whoever exports learns of it, not whoever serves.
        try:
            # Code in it has just run in this very Spark.
            replay(Transform(graph, inputs, Trust(everything=True)), rows)
        except ParityError as error:
            error.hint = NATIVE if is_native(_active_session()) else error.hint
            raise
    return save(graph, path, engine=f"pyspark {pyspark.__version__}", inputs=inputs, rows=rows, format=format)


def _active_session() -> SparkSession:
    spark = SparkSession.getActiveSession()
    if spark is None:
        raise SettingError(
            "no Spark session is active", hint="Export while the session that fitted is running."
        )
    return spark


def _follows_ansi() -> bool:
    """Whether SQL follows ANSI rules in the session."""
    return str(_active_session().conf.get("spark.sql.ansi.enabled")).lower() == "true"


def _no_model(given: object) -> SettingError:
    """What is said of an object that is no fitted model."""
    kind = type(given)
    if kind.__module__.startswith("pyspark.ml"):
        refused = refusal(f"{kind.__module__}.{kind.__qualname__}")
        return SettingError(f"a {kind.__name__} cannot be exported: {refused.why}", hint=refused.way_out)
    return SettingError(f"a {kind.__name__} cannot be exported", hint="Give a fitted model or PipelineModel.")


def _save(model: FittedModel, folder: Path) -> Path:
    """Save the model on this machine, through the cluster's own file system where Spark is not local."""
    context: Any = _active_session().sparkContext
    if str(context.master).startswith("local"):
        model.write().overwrite().save(folder.as_uri())
        return folder
    java: Any = context._jvm
    filesystem = java.org.apache.hadoop.fs.FileSystem.get(context._jsc.hadoopConfiguration())
    if str(filesystem.getScheme()) == "file":
        raise SettingError(
            f"Spark runs on {context.master}, but its default file system is each machine's own",
            hint="Set spark.hadoop.fs.defaultFS to a shared one, or save the model and use skewless.spark.convert.",
        )
    remote = java.org.apache.hadoop.fs.Path(f"/tmp/{folder.parent.name}")
    model.write().overwrite().save(remote.toString())
    try:
        filesystem.copyToLocalFile(False, remote, java.org.apache.hadoop.fs.Path(folder.as_uri()), True)
    finally:
        filesystem.delete(remote, True)
    return folder


def known_schema(frame: DataFrame) -> Schema:
    """The columns that an op could read; others (dates, maps …) are left out."""
    fields = []
    for field in frame.schema.fields:
        type_ = _type(field)
        if type_ == vector():
            type_ = vector(_first_length(frame, field.name))
        if type_ is not None:
            fields.append(Field(field.name, type_))
    return Schema(tuple(fields))


def _first_length(frame: DataFrame, name: str) -> int | None:
    """A vector column's length where its metadata do not tell it: Spark itself looks at the first row then."""
    column = frame[f"`{name}`"]
    row = frame.select(column).where(column.isNotNull()).first()
    return None if row is None else len(row[0])


def _type(field: spark_types.StructField) -> Type | None:
    if isinstance(field.dataType, VectorUDT):
        size = field.metadata.get("ml_attr", {}).get("num_attrs")
        return vector(None if size is None else int(size))
    if isinstance(field.dataType, spark_types.ArrayType):
        base = _BASES.get(type(field.dataType.elementType))
        return None if base is None else Type(base, Struct.ARRAY)
    base = _BASES.get(type(field.dataType))
    return None if base is None else Type(base)


class _Attributes:
    """The ML attributes of the sample's columns, and of what the model makes of it, but for columns that it drops."""

    def __init__(self, model: FittedModel, sample: DataFrame | None) -> None:
        self._model = model
        self._sample = sample

    def __call__(self, column: str) -> MLAttributes | None:
        if self._sample is None:
            return None
        told = _ml_attributes(self._sample)
        return told[column] if column in told else self._made.get(column)

    @cached_property
    def _made(self) -> Mapping[str, MLAttributes]:
        if self._sample is None:
            return {}
        try:
            return _ml_attributes(self._model.transform(self._sample))
        except (PySparkException, Py4JError) as error:
            raise _failed(error) from error


def _ml_attributes(frame: DataFrame) -> Mapping[str, MLAttributes]:
    return {field.name: field.metadata.get("ml_attr", {}) for field in frame.schema.fields}


def _parity(
    model: FittedModel, graph: StageGraph, sample: DataFrame, known: Schema | None, most: int
) -> tuple[Schema, pa.Table]:
    """The input columns, and rows with them and every stage's outputs, computed by Spark in one pass."""
    leaves = list(graph.root.leaves())
    made = [socket.column for leaf in leaves for socket in leaf.outputs]
    hidden = {s.column for leaf in leaves for s in leaf.outputs if TEMPORARY in leaf.model.attributes}
    read = [socket.column for leaf in leaves for socket in leaf.inputs]
    needed = [name for name in dict.fromkeys(read) if name not in made]
    absent = [name for name in needed if name not in sample.columns]
    if absent:
        raise SettingError(
            f"the sample has no column {absent[0]!r}, which the model reads",
            hint=f"It has: {', '.join(sample.columns)}.",
        )
    # The order in which a CSV has them shall be the one that the user knows.
    needed.sort(key=sample.columns.index)
    types = {name: known.get(name) if known else None for name in needed}
    for name, type_ in types.items():
        if type_ is None:
            raise UnsupportedError(
                f"input column {name!r} is of type {sample.schema[name].dataType.simpleString()}",
                hint="Cast it to a number, a string or a vector before the pipeline.",
            )
    given = [*needed, *(name for name in selects.named(model, sample.columns) if name not in needed)]
    frame = selects.transform(model, _representative(sample.select(*given), most))
    rows = _collect(frame, [*needed, *[name for name in made if name not in hidden]])
    return Schema(tuple(Field(name, type_) for name, type_ in types.items() if type_)), rows


def _representative(sample: DataFrame, most: int) -> DataFrame:
    """Distinct rows, and where there are too many of them a repeatable choice spread over all."""
    distinct = sample.distinct()
    count = distinct.count()
    if count <= most:
        return distinct
    return distinct.sample(fraction=min(1.0, 1.2 * most / count), seed=17).limit(most)


def _collect(frame: DataFrame, columns: Sequence[str]) -> pa.Table:
    try:
        return to_arrow(frame.select(*[frame[f"`{name}`"] for name in columns]))
    except Exception as error:
        if type(error).__module__.startswith(("py4j", "pyspark")):
            raise _failed(error) from error
        raise


def _failed(error: Exception) -> SkewlessError:
    return SkewlessError(
        f"Spark itself cannot transform the sample: {_first_line(error)}",
        hint="Give a sample that the model can transform.",
    )


def to_arrow(frame: DataFrame) -> pa.Table:
    """A frame's rows, vectors as Spark's struct of type, size, indices and values, without Spark's metadata."""
    if not any(_holds_vectors(field.dataType) for field in frame.schema.fields):
        table = frame.toArrow()
        return pa.table(dict(zip(table.column_names, table.columns, strict=True)))
    # By rows, in one pass: Spark's own Arrow conversion fails on a null vector.
    return rows_to_arrow(frame.collect(), frame.schema)


def rows_to_arrow(rows: Sequence[Any], schema: spark_types.StructType) -> pa.Table:
    """The same of rows as Python has them."""
    columns = {}
    for position, field in enumerate(schema.fields):
        cells = [row[position] for row in rows]
        if _holds_vectors(field.dataType):
            alone = isinstance(field.dataType, VectorUDT)
            columns[field.name] = pa.array(map(_structs, cells), _STRUCT if alone else pa.list_(_STRUCT))
        else:
            columns[field.name] = pa.array(cells, to_arrow_type(field.dataType))
    return pa.table(columns)


def _holds_vectors(kind: spark_types.DataType) -> bool:
    inner = kind.elementType if isinstance(kind, spark_types.ArrayType) else kind
    return isinstance(inner, VectorUDT)


def _structs(cell: Any) -> Any:
    """A vector, or an array of vectors, as Spark's struct."""
    if cell is None:
        return None
    return [_structs(item) for item in cell] if isinstance(cell, list) else VECTOR.serialize(cell)


def _first_line(error: Exception) -> str:
    told = str(error)
    causes = [line for line in told.splitlines() if "SparkException" in line or "Caused by" in line]
    return (causes or told.splitlines() or [type(error).__name__])[-1].strip()
