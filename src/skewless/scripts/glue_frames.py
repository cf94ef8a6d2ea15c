"""Glue's DynamicFrame as a name around a Spark frame, and what is read into one and written from one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyspark.sql import DataFrame

from skewless.errors import SettingError, UnsupportedError

FORMATS: Final = ("csv", "json", "parquet")
_CSV: Final = {"withHeader": "header", "separator": "sep", "quoteChar": "quote", "escaper": "escape"}
"""Glue's options of CSV, and what Spark calls them."""


class DynamicFrame:
    """A Spark frame under Glue's name."""

    def __init__(self, frame: DataFrame, glue_ctx: Any, name: str = "") -> None:
        self._frame = frame
        self.glue_ctx = glue_ctx
        self.name = name

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: Any, name: str) -> DynamicFrame:
        """Around a Spark frame."""
        return cls(dataframe, glue_ctx, name)

    def toDF(self) -> DataFrame:
        """The Spark frame."""
        return self._frame

    def count(self) -> int:
        """The number of rows."""
        return self._frame.count()

    def printSchema(self) -> None:
        """Print the columns."""
        self._frame.printSchema()

    def show(self, num_rows: int = 20) -> None:
        """Print rows."""
        self._frame.show(num_rows)

    def __getattr__(self, name: str) -> Any:
        raise missing("DynamicFrame", name, "Use Spark's own: frame.toDF(), then DynamicFrame.fromDF.")


def missing(owner: str, name: str, hint: str) -> Exception:
    """What is said of a member that is not there; names with an underscore first are not Glue's."""
    if name.startswith("_"):
        return AttributeError(f"{owner!r} object has no attribute {name!r}")
    return UnsupportedError(f"{owner}.{name} is not there: it belongs to Glue's own engine", hint=hint)


class Reader:
    """``create_dynamic_frame``: files in, frames out."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
        **_: Any,
    ) -> DynamicFrame:
        """Read files at ``paths``."""
        given = connection_options or {}
        kind = _checked(connection_type, format)
        paths = given.get("paths") or []
        if not paths:
            raise SettingError("connection_options has no paths", hint='Give {"paths": ["s3://…"]}.')
        reader = self._context.spark_session.read.options(**_spark_options(kind, format_options or {}))
        if given.get("recurse"):
            reader = reader.option("recursiveFileLookup", "true")
        return DynamicFrame(reader.format(kind).load(list(paths)), self._context, transformation_ctx)

    def __getattr__(self, name: str) -> Any:
        raise missing("create_dynamic_frame", name, "Read files: from_options with the connection type s3.")


class Writer:
    """``write_dynamic_frame``: frames in, files out."""

    def from_options(
        self,
        frame: DynamicFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = None,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Add files to those at ``path``; gives the frame."""
        given = connection_options or {}
        kind = _checked(connection_type, format)
        if not given.get("path"):
            raise SettingError("connection_options has no path", hint='Give {"path": "s3://…"}.')
        # Glue writes a header unless it is told not to.
        options = {
            **({"header": "true"} if kind == "csv" else {}),
            **_spark_options(kind, format_options or {}, "writeHeader"),
        }
        frame.toDF().write.mode("append").options(**options).partitionBy(
            *given.get("partitionKeys", [])
        ).format(kind).save(given["path"])
        return frame

    def __getattr__(self, name: str) -> Any:
        raise missing("write_dynamic_frame", name, "Write files: from_options with the connection type s3.")


def _checked(connection_type: str, format: str | None) -> str:
    if connection_type != "s3":
        raise UnsupportedError(
            f"the connection type {connection_type!r} is not there", hint="Files are read and written: s3."
        )
    if format not in FORMATS:
        raise UnsupportedError(
            f"the format {format!r} is not there", hint=f"Formats are {', '.join(FORMATS)}."
        )
    return format


def _spark_options(kind: str, given: Mapping[str, Any], header: str = "withHeader") -> dict[str, str]:
    names = {**_CSV, header: "header"} if kind == "csv" else {}
    unknown = [name for name in given if name not in names]
    if unknown:
        raise UnsupportedError(
            f"the {kind} option {unknown[0]!r} is not there",
            hint=f"Known are {', '.join(names)}." if names else "This format has none here.",
        )
    return {
        names[name]: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()
    }
