"""DataProcessing of a transform job: what of a record the model gets, and what of record and answer is kept.

Values that are kept are kept as they were written: nothing is read and written anew.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from skewless.errors import BodyError
from skewless.jobs.transforming.jsonpath import Every, Names, Places, Step, Steps

INPUT: Final = "SageMakerInput"
OUTPUT: Final = "SageMakerOutput"

_QUOTED_FIELD: Final = re.compile(rb'"(?:[^"]++|"")*+"(?=,|\Z)')
_NO_INPUT: Final = "Failed to parse input as CSV"
_NO_OUTPUT: Final = "Failed to parse output from the algorithm as CSV"
_SHOWN: Final = 40
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True)
class Joining(ABC):
    """InputFilter, JoinSource and OutputFilter for records of one family of content types."""

    input_filter: Steps = ()
    output_filter: Steps = ()
    join: bool = False
    """Whether an answer is put beside its record (JoinSource ``Input``)."""

    @abstractmethod
    def given(self, record: bytes) -> bytes:
        """What of a record the first container gets. BodyError where the filter does not fit."""

    @abstractmethod
    def made(self, record: bytes, answer: bytes) -> bytes:
        """What is written for a record and its answer. BodyError where a filter does not fit."""


@dataclass(frozen=True, slots=True)
class CsvJoining(Joining):
    """Records are rows; the answer's columns come behind the whole record's."""

    _places: dict[tuple[int, bool], list[int]] = field(default_factory=dict, init=False, compare=False)
    """By the length of a row, and whether it is one with its answer, the fields that its filter selects."""

    def given(self, record: bytes) -> bytes:
        """The fields that the filter selects; quotes are checked in any case, as in the original."""
        if not self.input_filter and b'"' not in record:
            return record
        fields = _fields(record, _NO_INPUT)
        return self._selected(fields, self.input_filter) if self.input_filter else record

    def made(self, record: bytes, answer: bytes) -> bytes:
        """The record's and the answer's fields, or of both those that the filter selects."""
        fields = _fields(answer, _NO_OUTPUT) if self.output_filter or b'"' in answer else ()
        if not self.output_filter:
            return record + b"," + answer if self.join else answer
        if self.join:
            fields = [*_fields(record, _NO_INPUT), *fields]
        return self._selected(fields, self.output_filter)

    def _selected(self, fields: Sequence[bytes], steps: Steps) -> bytes:
        """The row of the fields that a path of one step selects."""
        key = (len(fields), steps is self.output_filter)
        chosen = self._places.get(key)
        if chosen is None:
            chosen = self._places[key] = _places(len(fields), steps)
        # One empty field is written in quotes, since a blank line is no record.
        return b",".join([fields[place] for place in chosen]) or b'""'


class JsonJoining(Joining):
    """Records are JSON; the answer becomes a property of a record that is an object."""

    def given(self, record: bytes) -> bytes:
        """The value that the filter selects."""
        return select(_json(record, "Failed to parse input as JSON"), self.input_filter)

    def made(self, record: bytes, answer: bytes) -> bytes:
        """The record with its answer, or of both what the filter selects."""
        joined = _json(answer, "Failed to parse output from the algorithm as JSON")
        if self.join:
            value = _json(record, "Failed to parse input as JSON")
            beside = _OBJECT.decode(value) if value.startswith(b"{") else {INPUT: msgspec.Raw(value)}
            beside[OUTPUT] = msgspec.Raw(joined)
            joined = msgspec.json.encode(beside)
        return select(joined, self.output_filter)


def select(value: bytes, steps: Steps) -> bytes:
    """What a path selects of a JSON text. BodyError where there is no such thing."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(step, Names):
        return _properties(value, step, rest)
    if isinstance(step, Every) and value.startswith(b"{"):
        elements = list(_OBJECT.decode(value).values())
    elif value.startswith(b"["):
        elements = _LIST.decode(value)
    else:
        raise _unfit(value, "a list")
    if isinstance(step, Places):
        elements = [elements[place] for place in step.among(len(elements))]
        if step.is_one:
            return select(bytes(elements[0]), rest)
    return b"[" + b",".join(select(bytes(element), rest) for element in elements) + b"]"


def _properties(value: bytes, step: Names, rest: Steps) -> bytes:
    if not value.startswith(b"{"):
        raise _unfit(value, "an object")
    found = _OBJECT.decode(value)
    for name in step.names:
        if name not in found:
            raise BodyError(
                f"there is no property {name!r}", hint=f"There are: {', '.join(found) or 'none'}."
            )
    if len(step.names) == 1:
        return select(bytes(found[step.names[0]]), rest)
    return msgspec.json.encode({name: msgspec.Raw(select(bytes(found[name]), rest)) for name in step.names})


def _unfit(value: bytes, wanted: str) -> BodyError:
    shown = value[:_SHOWN].decode(errors="replace")
    return BodyError(f"the filter wants {wanted} where there is {shown}", hint="Look at the path's steps.")


def _json(text: bytes, failure: str) -> bytes:
    """A JSON text without the blanks around it."""
    try:
        return bytes(_ANY.decode(text)).strip()
    except (ValueError, RecursionError) as error:
        raise BodyError(f"{failure}: {error}", hint="A record is one JSON text on one line.") from None


def _places(length: int, steps: Steps) -> list[int]:
    """Which fields of a row of so many a path selects."""
    step: Step = steps[0]
    if isinstance(step, Names) or len(steps) > 1:
        raise BodyError(
            "the filter looks for a property, but a row of CSV is a list", hint="Use indexes: $[0], $[1:]."
        )
    found = list(range(length)) if isinstance(step, Every) else step.among(length)
    if not found:
        raise BodyError("the filter selects nothing of the record", hint="Look at the bounds of its range.")
    return found


def _fields(record: bytes, failure: str) -> list[bytes]:
    """The fields of a row as they are written, quotes and all."""
    if b'"' not in record:
        return record.split(b",")
    fields: list[bytes] = []
    at = 0
    while at <= len(record):
        if record.startswith(b'"', at):
            found = _QUOTED_FIELD.match(record, at)
            if found is None:
                raise _malformed(failure, 'extraneous or missing " in quoted field', record, at)
            end = found.end()
        else:
            comma = record.find(b",", at)
            end = len(record) if comma < 0 else comma
            if b'"' in record[at:end]:
                raise _malformed(failure, 'bare " in non quoted field', record, at)
        fields.append(record[at:end])
        at = end + 1
    return fields


def _malformed(failure: str, why: str, record: bytes, at: int) -> BodyError:
    near = record[at : at + _SHOWN].decode(errors="replace")
    return BodyError(
        f"{failure}: {why} found near: {near}",
        hint='Put a field that holds quotes in quotes, each quote inside doubled: "a ""b""".',
    )
