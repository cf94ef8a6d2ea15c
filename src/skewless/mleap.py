"""MLeap's Python names on top of Skewless, so that existing scripts change one import.

``from skewless.mleap import SimpleSparkSerializer`` in place of
``from mleap.pyspark.spark_support import SimpleSparkSerializer``.
"""

from __future__ import annotations

from typing import Any, Final

from skewless.lazy import resolve

# Both need pyspark.
LAZY: Final = {
    "export": "skewless.export.spark:export",
    "BundleModel": "skewless.export.bundle_model:BundleModel",
}


class SimpleSparkSerializer:
    """MLeap's serializer: writes a fitted Spark model as a bundle, reads one back."""

    def serializeToBundle(self, transformer: Any, path: str, dataset: Any = None) -> None:
        """Write ``transformer`` to ``jar:file:/…zip`` or ``file:/…``; rows of ``dataset`` become parity rows.

        ``dataset`` may be the input frame or, as MLeap wants it, the already transformed one.
        """
        resolve(LAZY["export"])(transformer, path, dataset)

    def deserializeFromBundle(self, path: str) -> Any:
        """A transformer for Spark frames, with `skewless`'s own Transform under ``bundle``."""
        return resolve(LAZY["BundleModel"])(path)
