"""A bundle as a Spark transformer: what MLeap's ``deserializeFromBundle`` gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import pyarrow as pa
from pyspark.ml.linalg import VectorUDT
from pyspark.sql import DataFrame
from pyspark.sql import types as spark_types

from skewless.bundles.archive import Files, read_files
from skewless.bundles.bundle import bundle_of
from skewless.containers.artifact import Artifact
from skewless.schema import Base, Struct, Type
from skewless.settings import Settings

_BASES: Final[Mapping[Base, spark_types.DataType]] = {
    Base.BOOLEAN: spark_types.BooleanType(),
    Base.BYTE: spark_types.ByteType(),
    Base.SHORT: spark_types.ShortType(),
    Base.INT: spark_types.IntegerType(),
    Base.LONG: spark_types.LongType(),
    Base.FLOAT: spark_types.FloatType(),
    Base.DOUBLE: spark_types.DoubleType(),
    Base.STRING: spark_types.StringType(),
}


class BundleModel:
    """Transforms Spark frames with the stages of a bundle, without the classes that fitted it."""

    def __init__(self, path: str) -> None:
        """Read and verify the bundle; errors as `skewless.load`."""
        settings = Settings.read()
        files = read_files(path, limits=settings)
        artifact = Artifact.of(bundle_of(files), settings.trust)
        artifact.verify()
        self.bundle = artifact.transform
        self._name, self._contents = files.name, dict(files)

    def transform(self, dataset: DataFrame) -> DataFrame:
        """The frame with every stage's columns after its own, as the fitted model would give it."""
        made = self.bundle.output_schema.fields[len(self.bundle.input_schema) :]
        schema = spark_types.StructType(list(dataset.schema.fields))
        for field in made:
            schema = schema.add(field.name, spark_type(field.type))
        name, contents, trust = self._name, self._contents, self.bundle.trust

        def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            # Built where it runs: the files travel, not the objects.
            transform = Artifact.of(bundle_of(Files(name, contents)), trust).transform
            for batch in batches:
                yield from transform.table(pa.Table.from_batches([batch]), vectors="sparse").to_batches()

        return dataset.mapInArrow(run, schema)


def spark_type(type_: Type) -> spark_types.DataType:
    """The type that a column has in Spark."""
    if type_.is_vector:
        return VectorUDT()
    if type_.struct is Struct.VECTORS:
        return spark_types.ArrayType(VectorUDT())
    base = _BASES[type_.base]
    return base if type_.struct is Struct.BASIC else spark_types.ArrayType(base)
