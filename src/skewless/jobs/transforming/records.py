"""Where one record ends and the next begins: lines, CSV records whose quoted fields may hold line ends, RecordIO."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final

from skewless.errors import BodyError
from skewless.native.fields import lines_in

Span = tuple[int, int]
"""Where a record begins and ends in a body, without its line end."""

# One CSV field as csv.reader takes it: only a quote at its very beginning quotes. Possessive, so that no text is slow.
_FIELD: Final = rb'(?:"(?:[^"]++|"")*+"[^,\r\n]*+|[^",\r\n][^,\r\n]*+)?+'
_WHOLE_LINES: Final = re.compile(rb"(?:(?:" + _FIELD + rb"[,\r])*+" + _FIELD + rb"\n)*+")
_CSV_RECORD: Final = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+(?=[\r\n]|\Z)")
_CSV_LINE: Final = re.compile(rb"[^\r\n]+")
_LINE: Final = re.compile(rb"[^\n]+")

_MAGIC: Final = (0xCED7230A).to_bytes(4, "little")
_HEADER: Final = 8
_LENGTH: Final = (1 << 29) - 1


class Records(ABC):
    """One way to part text into records."""

    @abstractmethod
    def whole(self, data: bytes) -> int:
        """How many bytes at the start of ``data`` are whole records; 0 where the first goes on behind its end."""

    @abstractmethod
    def spans(self, body: bytes) -> Iterator[Span]:
        """Where the records of whole ones are; blank lines are none."""

    def split(self, body: bytes) -> list[bytes]:
        """The records without their line ends."""
        return [body[start:end] for start, end in self.spans(body)]

    def count(self, body: bytes) -> int:
        """How many records there are."""
        return sum(1 for _ in self.spans(body))

    def lines(self, body: bytes) -> int:
        """By how many the number of the line, or record, is higher after this body."""
        return body.count(b"\n")


class Lines(Records):
    """Records that end with their line; ``blank`` are the bytes that a blank line may hold."""

    pattern: re.Pattern[bytes] = _LINE

    def __init__(self, blank: bytes = b" \r") -> None:
        self.blank = blank

    def whole(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def spans(self, body: bytes) -> Iterator[Span]:
        for found in self.pattern.finditer(body):
            start, end = found.span()
            if body[start:end].strip(self.blank):
                yield start, end - (body[end - 1] == 0x0D)

    def split(self, body: bytes) -> list[bytes]:
        if b"\r" in body:
            return super().split(body)
        return [line for line in body.split(b"\n") if line.strip(self.blank)]

    def count(self, body: bytes) -> int:
        if b"\r" not in body and not (self.blank and b" " in body):
            return lines_in(body)
        odd = (b"\n\n", b"\n\r", b" \n", b" \r")
        if body.count(b"\r") != body.count(b"\r\n") or any(mark in body for mark in odd):
            return super().count(body)
        if body.startswith((b"\n", b"\r")) or body.endswith(b" "):
            return super().count(body)
        return body.count(b"\n") + (not body.endswith(b"\n")) if body else 0


class NumberLines(Lines):
    """The XGBoost container's CSV: quotes do not go over a line's end, which may be a lone CR."""

    pattern = _CSV_LINE


class CsvRecords(Lines):
    """CSV by RFC 4180, as the SparkML container reads it: a line of blanks is a record, a lone CR ends one."""

    pattern = _CSV_LINE

    def __init__(self) -> None:
        super().__init__(b"")

    def whole(self, data: bytes) -> int:
        if b'"' not in data:
            return super().whole(data)
        found = _WHOLE_LINES.match(data)
        return found.end() if found else 0

    def spans(self, body: bytes) -> Iterator[Span]:
        if b'"' not in body:
            yield from super().spans(body)
            return
        at = 0
        while at < len(body):
            found = _CSV_RECORD.match(body, at)
            end = found.end() if found else len(body)  # a quote that is not closed: its reader will say so
            if end > at:
                yield at, end
            at = end + 1

    def split(self, body: bytes) -> list[bytes]:
        return super().split(body) if b'"' not in body else Records.split(self, body)

    def count(self, body: bytes) -> int:
        return super().count(body) if b'"' not in body else Records.count(self, body)


class RecordIO(Records):
    """MXNet's RecordIO: a magic number, a length, the data padded to four bytes. Records keep their headers."""

    def whole(self, data: bytes) -> int:
        return max((end for _, end in self._records(data)), default=0)

    def spans(self, body: bytes) -> Iterator[Span]:
        end = number = 0
        for start, end in self._records(body):
            yield start, end
            number += 1
        if end != len(body):
            raise BodyError("this RecordIO ends within a record", row=number + 1)

    def lines(self, body: bytes) -> int:
        return self.count(body)

    @staticmethod
    def _records(data: bytes) -> Iterator[Span]:
        start = at = 0
        number = 0
        while at + _HEADER <= len(data):
            if data[at : at + 4] != _MAGIC:
                raise BodyError(
                    "this is no RecordIO: a record does not begin with its magic number", row=number + 1
                )
            header = int.from_bytes(data[at + 4 : at + _HEADER], "little")
            at += _HEADER + (((header & _LENGTH) + 3) & ~3)
            if at > len(data):
                return
            # A record whose data hold the magic number is written in parts: 1 begins it, 2 goes on, 3 ends it.
            if header >> 29 in (0, 3):
                yield start, at
                start = at
                number += 1


def answers_in(answer: bytes, rows: int, *, is_csv: bool) -> list[bytes] | None:
    """The answers to so many records, without their line ends; None where there are not as many.

    In CSV a quoted answer may hold line ends. Some containers end the last line, some only part the lines.
    """
    if is_csv and b'"' in answer:
        found = _csv_answers(answer)
    else:
        found = answer.split(b"\n")
        if len(found) == rows + 1 and not found[-1]:
            found.pop()
    return found if len(found) == rows else None


def has_answers(answer: bytes, rows: int, *, is_csv: bool) -> bool:
    """Whether `answers_in` would find so many."""
    if not rows or (is_csv and b'"' in answer):
        return answers_in(answer, rows, is_csv=is_csv) is not None
    ends = answer.count(b"\n")
    return ends == rows - 1 or (ends == rows and answer.endswith(b"\n"))


def _csv_answers(answer: bytes) -> list[bytes]:
    """Lines whose quotes match; an empty one is an answer too."""
    found: list[bytes] = []
    at = 0
    while at < len(answer):
        record = _CSV_RECORD.match(answer, at)
        end = record.end() if record else len(answer)
        found.append(answer[at:end])
        at = end + (2 if answer.startswith(b"\r\n", end) else 1)
    return found
