"""`PythonStage`: a stage in your own Python, fitted in a Spark pipeline and served from the same source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skewless.errors import SettingError
from skewless.schema import Base, Field, Struct, Type

_TYPE: Final = re.compile(
    r"(?P<vector>vector)(\[(?P<size>\d{1,9})\])?|(?P<array>array)<(?P<of>\w+)>|(?P<base>\w+)"
)


class PythonStage:
    """Base of stages in Python of your own. A subclass stands at the top of a module that imports only what it needs.

    What an object is fitted to are its attributes, whether ``__init__`` or ``fit`` sets them: numbers, strings,
    booleans, None, lists, dicts with string keys, and numpy arrays of numbers. Tuples come back as lists.
    """

    inputs: Mapping[str, str] = {}
    """The columns that it reads, in the order in which the functions take them, with their types:
    boolean, byte, short, int, long, float, double, string, vector, ``vector[3]`` or ``array<string>``."""
    outputs: Mapping[str, str] = {}
    """The columns that it adds, with their types. ``__init__`` or ``fit`` may set them on the object."""
    fit_inputs: Mapping[str, str] = {}
    """Further columns that only ``fit`` sees, the label, say."""
    requires: Sequence[str] = ()
    """Distributions that its module imports beside numpy and pyarrow, by name: ``("scikit-learn",)``."""

    def fit(self, table: Any) -> None:
        """Learn from a pyarrow Table of all rows, setting attributes. Left out where there is nothing to learn."""

    def row(self, *values: Any, **named: Any) -> Any:
        """The outputs (a tuple where there are several) for one row's inputs; None is null.

        Vectors come as one-dimensional float64 arrays and may be given as those or as lists.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no function row(self, {', '.join(self.inputs)})"
        )

    def columns(self, *columns: Any, **named: Any) -> Any:
        """The same for a whole batch, to be faster than row by row. Left out, ``row`` is asked for every row.

        Columns come as Arrow arrays, vectors as float64 arrays of rows by slots; so they are given back.
        """
        raise NotImplementedError


def is_overridden(stage: PythonStage, function: str) -> bool:
    """Whether a stage's class has this function, of the optional ones, of its own."""
    return getattr(type(stage), function) is not getattr(PythonStage, function)


def fields_of(declared: Any, what: str) -> tuple[Field, ...]:
    """Declared columns. SettingError where they are not names with types; ``what`` says whose they are."""
    if not isinstance(declared, Mapping) or not all(isinstance(name, str) and name for name in declared):
        raise SettingError(f"{what} must be a dict of names and types, not {declared!r}")
    return tuple(Field(name, parse_type(text, f"{what}: {name}")) for name, text in declared.items())


def parse_type(text: Any, where: str) -> Type:
    """The type that ``str(type)`` gives. SettingError where there is none of this name."""
    found = _TYPE.fullmatch(text) if isinstance(text, str) else None
    try:
        if found and found["vector"]:
            return Type(Base.DOUBLE, Struct.VECTOR, int(found["size"]) if found["size"] else None)
        if found and found["array"]:
            return Type(Base(found["of"]), Struct.ARRAY)
        if found:
            return Type(Base(found["base"]))
    except ValueError:
        pass
    raise SettingError(
        f"{where} has the type {text!r}, which does not exist",
        hint=f"There are: {', '.join(Base)}, vector, vector[3], array<string>.",
    )
