"""Glue's own transforms, which are refused: scripts import them all by ``*`` and may use none."""

from __future__ import annotations

from typing import Any, Final

from skewless.errors import UnsupportedError


class Refused:
    """Stands for a transform."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        raise self._error()

    def __getattr__(self, name: str) -> Any:
        raise self._error()

    def _error(self) -> UnsupportedError:
        return UnsupportedError(
            f"awsglue.transforms.{self._name} is not there: it belongs to Glue's own engine",
            hint="Write it with Spark: frame.toDF(), then select, filter, join, withColumnRenamed, cast.",
        )


TRANSFORMS: Final = {
    name: Refused(name)
    for name in (
        "ApplyMapping",
        "DropFields",
        "DropNullFields",
        "ErrorsAsDynamicFrame",
        "FillMissingValues",
        "Filter",
        "FindIncrementalMatches",
        "FindMatches",
        "FlatMap",
        "Join",
        "Map",
        "MapToCollection",
        "Relationalize",
        "RenameField",
        "ResolveChoice",
        "SelectFields",
        "SelectFromCollection",
        "Spigot",
        "SplitFields",
        "SplitRows",
        "Unbox",
        "UnnestFrame",
    )
}
