"""The content types of training data, in the built-in algorithm's words."""

from __future__ import annotations

from email.message import Message
from enum import StrEnum
from typing import Final

from skewless.errors import SettingError


class Format(StrEnum):
    """How the rows of a channel are written."""

    CSV = "csv"
    LIBSVM = "libsvm"
    PARQUET = "parquet"
    RECORDIO = "recordio-protobuf"


DEFAULT_TYPE: Final = "text/libsvm"
"""What the built-in algorithm takes data for whose channel has no ContentType."""

CONTENT_TYPES: Final = {
    "csv": Format.CSV,
    "libsvm": Format.LIBSVM,
    "parquet": Format.PARQUET,
    "recordio-protobuf": Format.RECORDIO,
    "text/csv": Format.CSV,
    "text/libsvm": Format.LIBSVM,
    "text/x-libsvm": Format.LIBSVM,
    "application/x-parquet": Format.PARQUET,
    "application/x-recordio-protobuf": Format.RECORDIO,
}


def format_of(content_type: str | None) -> Format:
    """The format that a content type names; libsvm where there is none. SettingError.

    Parameters are passed over, but for CSV's ``label_size``, which can only be 1.
    """
    if content_type is None:
        return CONTENT_TYPES[DEFAULT_TYPE]
    header = Message()
    header["Content-Type"] = content_type.lower()
    (name, _), *parameters = header.get_params(failobj=[("", "")])
    form = CONTENT_TYPES.get(name.strip())
    if form is None:
        raise SettingError(f"{content_type} is not an accepted ContentType: {', '.join(CONTENT_TYPES)}.")
    sizes = [value for parameter, value in parameters if parameter.strip() == "label_size"]
    if form is Format.CSV and sizes not in ([], ["1"]):
        raise SettingError(
            f"{content_type} is not an accepted csv ContentType. "
            "Optional parameter label_size must be equal to 1"
        )
    return form
