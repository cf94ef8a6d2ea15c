"""MLeap's Python names on top of Skewless, so that existing scripts change one import.

``from skewless.mleap import SimpleSparkSerializer`` in place of
``from mleap.pyspark.spark_support import SimpleSparkSerializer``.
"""

from __future__ import annotations

from typing import Any

from skewless.containers.artifact import load
from skewless.lazy import resolve
from skewless.transforms.transform import Transform


class SimpleSparkSerializer:
    """MLeap's serializer: writes a fitted Spark model as a bundle, reads one back."""

    def serializeToBundle(self, transformer: Any, path: str, dataset: Any = None) -> None:  # noqa: N802
        """Write ``transformer`` to ``jar:file:/…zip`` or ``file:/…``; rows of ``dataset`` become parity rows.

        ``dataset`` may be the input frame or, as MLeap wants it, the already transformed one.
        """
        resolve("skewless.export.spark:export")(transformer, path, dataset)

    def deserializeFromBundle(self, path: str) -> Transform:  # noqa: N802
        """Load a bundle as a `skewless` Transform, which runs without Spark (MLeap gives a Spark transformer)."""
        return load(path)
