"""libsvm text to sparse rows: ``label[:weight] [qid:number] index:value index:value …``, one row a line.

Indices are kept as they are: whether they count from 0 or from 1 is the caller's to know. A number is read to the
nearest float64 and that to the nearest float32, as everywhere here. A value may be ``nan``, which is missing.

Source of the facts: the parser that XGBoost reads such files with, and the SageMaker XGBoost container's checks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from skewless.errors import BodyError, EmptyBody, ValueRefused

MOST_INDEX: Final = 2**31 - 2
"""The greatest index; the number of columns, which is one more, fits 32 bits."""
_MOST_QID: Final = 2**32 - 1
_TOO_LARGE: Final = 2.0**128 - 2.0**103
"""From here on a number is nearer to 2**128, which float32 has not, than to its greatest."""

_NUMBER: Final = rb"[+-]?+(?>(?>\d++\.?+\d*+|\.\d++)(?>[eE][+-]?+\d++)?+|(?i:nan|infinity|inf))"
_PAIRS: Final = rb"(?>[ \t]++\d++:" + _NUMBER + rb")*+"
_LABEL: Final = re.compile(rb"(?m)^(?=[ \t]*+\S)[ \t]*+(?>" + _NUMBER + rb"(?=[ \t\n]|\Z))?")
_COMMENT: Final = re.compile(rb"#[^\n]*+")
_BLANK: Final = re.compile(rb"(?m)^[ \t]*+\n")
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Rows in compressed form (CSR), indices ascending within a row. ``labels`` has one entry for each row."""

    starts: npt.NDArray[np.int64]
    """Where each row's entries begin, and after the last where they end."""
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32] | None = None
    qids: npt.NDArray[np.uint32] | None = None

    @property
    def rows(self) -> int:
        return len(self.starts) - 1

    @property
    def width(self) -> int:
        """One more than the greatest index."""
        return int(self.indices.max()) + 1 if len(self.indices) else 0


class _Form(NamedTuple):
    """What stands before the features, in every line."""

    weighted: bool
    grouped: bool

    @property
    def lead(self) -> int:
        return 1 + self.weighted + self.grouped


_FORMS: Final = tuple(_Form(weighted, grouped) for weighted in (False, True) for grouped in (False, True))
_LINES: Final = {
    form: rb"[ \t]*+"
    + _NUMBER
    + (rb":" + _NUMBER if form.weighted else b"")
    + (rb"[ \t]++qid:\d++" if form.grouped else b"")
    + _PAIRS
    + rb"[ \t]*+\n"
    for form in _FORMS
}


@cache
def _body(form: _Form) -> re.Pattern[bytes]:
    """Of all lines. Compiled with the first body, as the other one is: most pipelines never read libsvm."""
    return re.compile(rb"(?>" + _LINES[form] + rb")++")


@cache
def _one(form: _Form) -> re.Pattern[bytes]:
    """Of one line."""
    return re.compile(_LINES[form])


def read_libsvm(body: bytes, *, labelled: bool) -> SparseRows:
    """All rows of a body.

    ``labelled``: every line begins with its label, as training data do. Otherwise a line may begin with one, which is
    passed over (``labels`` is all 0), and a first ``index:value`` is a feature; there are no weights then.
    EmptyBody, BodyError or ValueRefused: ``row`` counts rows from 1, lines that are blank or comments are none.
    """
    text = _normal(body)
    if not text:
        raise EmptyBody("the body is empty", hint="Send one row a line: index:value index:value …")
    if not labelled:
        text = _LABEL.sub(b"0 ", text)
    first = text[: text.index(b"\n") + 1]
    form = next((form for form in _FORMS if _one(form).fullmatch(first)), None)
    if form is None or not _body(form).fullmatch(text):
        _explain(text, form, labelled)
    return _checked(_parsed(text, form), labelled)


def row_lines(body: bytes) -> list[int]:
    """The line (from 1) of each row, for errors about files."""
    lines = _COMMENT.sub(b"", _unix(body)).split(b"\n")
    return [number for number, line in enumerate(lines, 1) if line.strip(b" \t")]


def _unix(body: bytes) -> bytes:
    body = body.removeprefix(_MARK)
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in body else body


def _normal(body: bytes) -> bytes:
    """Lines without comments, each with one line feed, and none of them blank."""
    text = _unix(body)
    if b"#" in text:
        text = _COMMENT.sub(b"", text)
    if not text.endswith(b"\n"):
        text += b"\n"
    return _BLANK.sub(b"", text)


def _parsed(text: bytes, form: _Form) -> SparseRows:
    """The numbers of lines that are known to have this form."""
    bare = text.replace(b"qid:", b"") if form.grouped else text
    characters = np.frombuffer(bare, np.uint8)
    ends = np.flatnonzero(characters == ord("\n"))
    colons = np.searchsorted(np.flatnonzero(characters == ord(":")), ends)
    counts = np.diff(colons, prepend=0) - form.weighted
    numbers = np.fromstring(bare.replace(b":", b" ").decode("ascii"), np.float64, sep=" ")
    starts = np.concatenate(([0], np.cumsum(counts)))
    leads = np.arange(len(ends)) * form.lead + 2 * starts[:-1]
    is_feature = np.ones(len(numbers), bool)
    for place in range(form.lead):
        is_feature[leads + place] = False
    pairs = numbers[is_feature].reshape(-1, 2)
    _refuse_where(pairs[:, 0] > MOST_INDEX, starts, f"an index is greater than {MOST_INDEX}")
    _refuse_where(
        np.abs(pairs[:, 1]) >= _TOO_LARGE, starts, "a value is infinite, or too large for a 32-bit number"
    )
    weights = numbers[leads + 1].astype(np.float32) if form.weighted else None
    qids = None
    if form.grouped:
        found = numbers[leads + 1 + form.weighted]
        _refuse_rows(found > _MOST_QID, "qid", f"a qid must not be greater than {_MOST_QID}")
        qids = found.astype(np.uint32)
    with np.errstate(over="ignore"):  # a label that is too large becomes infinite, which is refused
        labels = numbers[leads].astype(np.float32)
    indices, values = pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.float32)
    return SparseRows(starts, indices, values, labels, weights, qids)


def _checked(rows: SparseRows, labelled: bool) -> SparseRows:
    """Labels and weights that can be learnt from, and indices in ascending order."""
    if labelled:
        _refuse_rows(~np.isfinite(rows.labels), "label", "a label must be a finite 32-bit number")
    if rows.weights is not None:
        usable = np.isfinite(rows.weights) & (rows.weights >= 0)
        _refuse_rows(~usable, "weight", "a weight must be a finite number and not negative")
    within = np.ones(len(rows.indices), bool)
    within[rows.starts[:-1][np.diff(rows.starts) > 0]] = False
    if (rows.indices[1:] > rows.indices[:-1])[within[1:]].all():
        return rows
    owner = np.repeat(np.arange(rows.rows), np.diff(rows.starts))
    order = np.lexsort((rows.indices, owner))
    indices = rows.indices[order]
    twice = np.flatnonzero((np.diff(indices) == 0) & (np.diff(owner) == 0))
    if len(twice):
        raise ValueRefused(
            f"the index {indices[twice[0]]} stands twice in the row",
            row=int(owner[twice[0]]) + 1,
            hint="Give each feature once.",
        )
    return SparseRows(rows.starts, indices, rows.values[order], rows.labels, rows.weights, rows.qids)


def _refuse_rows(wrong: npt.NDArray[np.bool_], column: str, what: str) -> None:
    if wrong.any():
        raise ValueRefused(what, row=int(wrong.argmax()) + 1, column=column)


def _refuse_where(wrong: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64], what: str) -> None:
    if wrong.any():
        raise ValueRefused(what, row=int(np.searchsorted(starts, wrong.argmax(), "right")))


def _explain(text: bytes, form: _Form | None, labelled: bool) -> NoReturn:
    """The first line that is no libsvm, or not of the first line's form."""
    for row, line in enumerate(text.splitlines(keepends=True), 1):
        if form and _one(form).fullmatch(line):
            continue
        other = next((other for other in _FORMS if _one(other).fullmatch(line)), None)
        if form and other:
            what = "a weight" if form.weighted != other.weighted else "a qid"
            which = other.weighted > form.weighted or other.grouped > form.grouped
            said = f"it has {what}, and the first row has none" if which else f"it has no {what[2:]}"
            raise BodyError(said, row=row, hint=f"Give {what} to every row or to none.")
        raise BodyError(
            _wrong(re.split(rb"[ \t]+", line.strip(b" \t\n")), labelled), row=row, hint=_hint(labelled)
        )
    raise BodyError("this is no libsvm text", hint=_hint(labelled))


def _wrong(words: list[bytes], labelled: bool) -> str:
    if labelled and not re.fullmatch(_NUMBER + rb"(?::" + _NUMBER + rb")?", words[0]):
        return f"{_shown(words[0])} is no label, nor label:weight"
    fault = next(
        (
            word
            for place, word in enumerate(words[1:], 1)
            if not re.fullmatch(rb"\d+:" + _NUMBER + (rb"|qid:\d+" if place == 1 else b""), word)
        ),
        None,
    )
    return f"{_shown(fault or words[0])} is no index:value"


def _hint(labelled: bool) -> str:
    return f"libsvm is: {'label[:weight] [qid:number] ' if labelled else ''}index:value index:value …"


def _shown(word: bytes) -> str:
    text = word.decode("utf-8", "replace")
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
