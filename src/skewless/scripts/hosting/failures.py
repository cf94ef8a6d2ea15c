"""What is said when a function of a script fails: to the caller with a status, to the log with where it was."""

from __future__ import annotations

import json
import sys
import traceback
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final

from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.hosting.wire import Told
from skewless.scripts.toolkit.content_types import JSON
from skewless.scripts.toolkit.errors import ClientError, DecodeError

_LONGEST: Final = 1000
_OURS: Final = Path(__file__).parents[2]

_READING: Final = ("input_fn", "transform_fn")
"""The functions that read a body: what it does to them is the caller's doing."""

_GIVEN: Final = ("input_fn", "predict_fn")
"""The functions whose defaults are ours, and fail by what they are given."""


class Failed(Exception):
    """A function of the script failed; ``own`` tells that the script wrote it."""

    def __init__(self, function: str, own: bool, error: BaseException) -> None:
        super().__init__(function)
        self.function = function
        self.own = own
        self.error = error

    @property
    def place(self) -> str:
        """The function, and the line of the script that it came to."""
        found = [
            entry
            for entry in traceback.extract_tb(self.error.__traceback__)
            if not _is_ours(entry.filename) and "site-packages" not in entry.filename
        ]
        at = f" at {Path(found[-1].filename).name}, line {found[-1].lineno}" if found else ""
        return f"{self.function} failed{at}"

    def __str__(self) -> str:
        return f"{self.place}: {summary(self.error)}"


def summary(error: BaseException) -> str:
    """An exception's class and text, whatever its text does when it is asked for."""
    text = _text(error)
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _text(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        return "its text cannot be had"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def told(failed: Failed, hosting: Hosting) -> Told:
    """The answer to the caller; the log gets the traceback of what the script did wrong."""
    error = failed.error
    status = _status(failed, hosting.strict)
    said = {
        "error": type(error).__name__,
        "error-message": str(failed) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _text(error),
        "function": failed.function,
    }
    if status in (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.NOT_ACCEPTABLE):
        said["stack-trace"] = "".join(trace(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        sys.stderr.write("".join(trace(error)))
    print(f"{status} {failed}", file=sys.stderr, flush=True)
    return Told(status, json.dumps(said).encode(), JSON)


def trace(error: BaseException) -> list[str]:
    """The traceback from the script's first line on."""
    below: TracebackType | None = error.__traceback__
    while below is not None and _is_ours(below.tb_frame.f_code.co_filename):
        below = below.tb_next
    try:
        return traceback.format_exception(type(error), error, below)
    except Exception:  # of an exception that cannot be printed
        return [*traceback.format_tb(below), f"{summary(error)}\n"]


def _is_ours(file: str) -> bool:
    """Whether a line of a traceback is of the way to the script: our code's, or the import machinery's."""
    return file.startswith("<frozen ") or Path(file).is_relative_to(_OURS)


def _status(failed: Failed, strict: bool) -> int:
    error = failed.error
    # By name: where the original toolkits are installed, the errors are their own classes.
    names = [kind.__name__ for kind in type(error).__mro__]
    if "BaseInferenceToolkitError" in names:
        asked = getattr(error, "status_code", None)
        if isinstance(asked, int) and HTTPStatus.BAD_REQUEST <= asked <= 599:
            return asked
    if "UnsupportedFormatError" in names:
        if failed.function == "input_fn" or (failed.function == "transform_fn" and not strict):
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        return (
            HTTPStatus.NOT_ACCEPTABLE if failed.function == "output_fn" else HTTPStatus.INTERNAL_SERVER_ERROR
        )
    callers = (
        (isinstance(error, DecodeError) and failed.function in _READING)
        or (isinstance(error, ClientError) and failed.function == "input_fn")
        # The model refuses the data, by their shape for instance, or its library: the script has no part in it.
        or (isinstance(error, ValueError | TypeError) and failed.function in _GIVEN and not failed.own)
    )
    return HTTPStatus.BAD_REQUEST if callers and not strict else HTTPStatus.INTERNAL_SERVER_ERROR
