"""Glue's reading of a script's arguments (``awsglue.utils``)."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final, NoReturn

_BOOKMARKS: Final = ("job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable")
_CONTINUATIONS: Final = ("continuation-enabled", "continuation-readonly", "continuation-ignored")
_OWN: Final = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION")
_TEMPORARY: Final = ("RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    """An argument is missing, or its value is not one that it may have."""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """The values of the named options, and of those that Glue always has, by name with dashes as underscores.

    GlueArgumentError for one that is missing, worded as argparse does; what is not asked for is passed over.
    RuntimeError for a name that is Glue's own.
    """
    parser = _Parser()
    for name in ("job-bookmark-option", "continuation-option", *_OWN):
        if name in options:
            raise RuntimeError(f"Using reserved arguments {name}")
    parser.add_argument("--job-bookmark-option", choices=_BOOKMARKS)
    parser.add_argument("--continuation-option", choices=_CONTINUATIONS)
    for name in (*_OWN, *_TEMPORARY):
        parser.add_argument(f"--{name}")
    for name in options:
        if name not in _TEMPORARY:
            parser.add_argument(f"--{name}", required=True)
    found = vars(parser.parse_known_args(args[1:])[0])
    # The two names of one thing, the newer one first.
    found["RedshiftTempDir"] = found["TempDir"] = found["TempDir"] or found["RedshiftTempDir"]
    older = found.pop("continuation_option")
    if found["job_bookmark_option"] is None:
        found["job_bookmark_option"] = _BOOKMARKS[2 if older is None else _CONTINUATIONS.index(older)]
    return found
