"""Saved Spark ML models to bundles, with neither Java nor pyspark."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skewless.bundles import sparkml
from skewless.bundles.bundle import save
from skewless.errors import SettingError
from skewless.ops.blas import Order
from skewless.ops.ml_attributes import MLAttributes
from skewless.schema import Schema
from skewless.transforms.transform import Transform


def convert(
    saved: str | Path,
    path: str | Path,
    *,
    inputs: Schema | None = None,
    attributes: Mapping[str, MLAttributes] | None = None,
    format: str = "json",
    blas: str = "vector:4",
    ansi: bool | None = None,
) -> Path:
    """Write a model that Spark saved in a folder as a bundle; ``path`` ending .zip or .tar.gz is an archive.

    ``inputs`` names the input columns' types where they are known, ``attributes`` their ML attributes where they
    have some (``field.metadata["ml_attr"]`` of Spark's schema); ``blas`` says how the Spark adds that the bundle
    shall equal to the last bit: ``vector:4`` on machines with AVX2, ``vector:8`` with AVX-512, ``vector:2`` with NEON,
    ``java`` on a Java without the module jdk.incubator.vector. ``ansi`` is the session's
    ``spark.sql.ansi.enabled``, which decides what a SQLTransformer means; None is the default of the Spark that saved
    the model. There are no parity rows: only Spark itself could compute them, so use
    `skewless.spark.export` with a sample where Spark is at hand. UnsupportedError names a stage that cannot be
    converted.
    """
    folder = Path(saved)
    try:
        Order.of(blas)
    except ValueError as error:
        raise SettingError(f"blas: {error}") from None
    graph = sparkml.read(folder, inputs=inputs, metadata=(attributes or {}).get, blas=blas, ansi=ansi)
    # Binding it refuses, before anything is written, what could not be loaded again.
    Transform(graph, inputs)
    engine = f"spark {sparkml.saved_by(folder)}"
    return save(graph, path, engine=engine, inputs=inputs, rows=None, format=format)
