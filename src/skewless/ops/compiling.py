"""What a compiled row path is made of: the source of one function, and the values that ops know while it is written.

Every stage runs once on symbols instead of values. A symbol is a `Cell`, a local variable with the very value that the
row kernels would have; or `Looked`, whose value is an entry of a table that is known already, so that a stage behind
it is done by changing the table; or `Slots`, a vector in pieces that need not be put together.

The function handles the ordinary row. Whatever else comes, it raises, and the row is processed from the start by the
row kernels, one after the other, which give the same or say what is wrong.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, TypeAlias

from skewless.schema import DOUBLE, Base, Type
from skewless.vectors import SparseVector, dense, is_sparse, nonzero

ABSENT: Final = object()
"""No value for keys that a table does not have."""
LARGEST: Final = 1024
"""Entries of a table that is computed while a function is written."""
_MOST_SLOTS: Final = 1 << 18
"""Slots of all vectors of a table, where these are written out."""
_MOST_LINES: Final = 1000
_TOGETHER: Final = 16
"""Terms of one expression: Python nests each one deeper."""
_SIZE: Final = {"f": 4, "d": 8}
_FLOATING: Final = (Base.DOUBLE, Base.FLOAT)


class GiveUp(Exception):
    """This row is not an ordinary one."""


class NotCompiled(Exception):
    """This is left to the row kernels altogether."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A local variable, or a cheap expression; ``null`` and ``nan`` say whether it may be None and NaN."""

    name: str
    type: Type
    null: bool = True
    nan: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """The entry of a table for the key in a local variable, ``otherwise`` for a key that is not there."""

    key: str
    table: Mapping[Any, Any]
    type: Type
    otherwise: Any = ABSENT
    made_of: Looked | None = None
    """The one whose table was changed: a key that is here is there."""

    def map(self, function: Callable[[Any], Any], type_: Type) -> Looked:
        """The function's values instead. What it raises for, whatever it raises, is left out, and so given up."""
        table = {}
        complete = True
        for key, value in self.table.items():
            try:
                table[key] = function(value)
            except Exception:
                complete = False
        otherwise = self.otherwise
        if otherwise is not ABSENT:
            try:
                otherwise = function(otherwise) if complete else ABSENT
            except Exception:
                otherwise = ABSENT
        return Looked(self.key, table, type_, otherwise, self)

    @property
    def values(self) -> Iterator[Any]:
        """All that it can be."""
        yield from self.table.values()
        if self.otherwise is not ABSENT:
            yield self.otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """A vector in parts: floats in local variables, which are never null, and vectors that are looked up.

    Its form, which Spark would choose by the number of nonzero slots, is that of ``counted`` (itself for None), or
    always dense.
    """

    parts: tuple[Cell | Looked, ...]
    type: Type
    counted: Slots | None = None
    always_dense: bool = False

    @property
    def size(self) -> int:
        """How many slots there are."""
        return self.type.size or 0

    @property
    def placed(self) -> Iterator[tuple[int, Cell | Looked]]:
        """The parts with the places of their first slots."""
        start = 0
        for part in self.parts:
            yield start, part
            start += 1 if isinstance(part, Cell) else part.type.size or 0

    def mapped(
        self,
        source: Source,
        cell: Callable[[int, str], str],
        slot: Callable[[int, float], float],
        *,
        counted: Slots | None = None,
        always_dense: bool = False,
    ) -> Slots:
        """Every slot as it becomes: ``cell`` gives the expression for one in a variable, ``slot`` its value."""
        parts: list[Cell | Looked] = []
        for start, part in self.placed:
            if isinstance(part, Cell):
                parts.append(Cell(source.local(cell(start, part.name)), part.type, null=False))
            else:
                parts.append(
                    part.map(
                        lambda vector, start=start: [  # type: ignore[misc]
                            slot(start + place, value) for place, value in enumerate(dense(vector))
                        ],
                        part.type,
                    )
                )
        return Slots(tuple(parts), self.type, counted, always_dense)

    def sparse(self, source: Source) -> bool | str:
        """Whether Spark stores the vector sparsely, or the expression that says so."""
        if self.always_dense:
            return False
        by = self.counted or self
        ranges = [
            (0, 1) if isinstance(part, Cell) else _range(_count(value) for value in part.values)
            for part in by.parts
        ]
        if is_sparse(sum(most for _, most in ranges), by.size):
            return True
        if not is_sparse(sum(least for least, _ in ranges), by.size):
            return False
        counts = [
            f"({part.name} != 0.0)" if isinstance(part, Cell) else source.value(part.map(_count, _COUNT))
            for part in by.parts
        ]
        return f"1.5 * ({source.total(counts)} + 1.0) < {by.size}"

    def dense(self, source: Source) -> str:
        """The expression of a new list of all slots."""
        pieces = [
            part.name if isinstance(part, Cell) else f"*{source.value(part.map(dense, part.type))}"
            for part in self.parts
        ]
        return f"[{', '.join(pieces)}]"

    def packed(self, source: Source, kind: str) -> str:
        """The expression of all slots as bytes: ``f`` for 32-bit floats, ``d`` for doubles.

        What no 32-bit float holds is given up.
        """
        pieces = []
        for is_cell, parts in groupby(self.parts, lambda part: isinstance(part, Cell)):
            run = list(parts)
            if is_cell:
                pack = source.constant(struct.Struct(f"={len(run)}{kind}").pack)
                pieces.append(f"{pack}({', '.join(part.name for part in run if isinstance(part, Cell))})")
            else:
                pieces += [source.value(_packed(part, kind)) for part in run if isinstance(part, Looked)]
        return pieces[0] if len(pieces) == 1 else f"{source.constant(b''.join)}(({', '.join(pieces)},))"


Symbol: TypeAlias = Cell | Looked | Slots
_COUNT: Final = Type(Base.INT)


def _count(vector: Any) -> int:
    return sum(1 for _ in nonzero(vector))


def _range(counts: Iterator[int]) -> tuple[int, int]:
    found = list(counts) or [0]
    return min(found), max(found)


def _packed(part: Looked, kind: str) -> Looked:
    def pack(vector: Any) -> bytes:
        if not isinstance(vector, SparseVector):
            return struct.pack(f"={len(vector)}{kind}", *vector)
        made = bytearray(_SIZE[kind] * vector.size)
        for slot, value in zip(vector.indices, vector.values, strict=True):
            struct.pack_into(f"={kind}", made, slot * _SIZE[kind], value)
        return bytes(made)

    return part.map(pack, part.type)


def is_small(value: Looked) -> bool:
    """Whether the vectors of a table may be written out."""
    return len(value.table) * (value.type.size or 0) <= _MOST_SLOTS


def as_slots(value: Symbol, *, any_form: bool = False) -> Slots | None:
    """A vector in parts; None where it cannot be seen so. In ``any_form``, one whose form does not matter."""
    if isinstance(value, Slots):
        return value
    if isinstance(value, Cell) or not value.type.is_vector or value.type.size is None or not is_small(value):
        return None
    vectors = list(value.values)
    if any(vector is None for vector in vectors):
        return None
    sparse = [vector for vector in vectors if isinstance(vector, SparseVector)]
    made = Slots((value,), value.type, always_dense=not sparse)
    if any_form or not sparse:
        return made
    # Otherwise its form is the one that its number of nonzero slots asks for, or it is not taken.
    usual = all(
        is_sparse(_count(vector), vector.size) and _count(vector) == len(vector.indices) for vector in sparse
    )
    return made if usual and len(sparse) == len(vectors) else None


class Source:
    """A function while it is written: its lines, and the constants that it uses by name.

    Nothing of an artifact stands in the text but numbers.
    """

    def __init__(self, name: str, parameters: str) -> None:
        self._head = f"def {name}({parameters}):"
        self._name = name
        self._lines: list[str] = []
        self._constants: dict[str, Any] = {}
        self._names: dict[int, str] = {}
        self._values: dict[int, tuple[Symbol, str]] = {}
        self._open: dict[int, Looked] = {}
        self._locals = 0

    def constant(self, value: Any) -> str:
        """The name of a value that is known now."""
        if id(value) not in self._names:
            name = f"k{len(self._constants)}"
            self._constants[name] = value  # which keeps it, so that its id stays its own
            self._names[id(value)] = name
        return self._names[id(value)]

    def number(self, value: float) -> str:
        """A finite number as it stands in an expression."""
        return f"({float(value)!r})" if value < 0.0 else repr(float(value))

    def line(self, text: str) -> None:
        """Add a statement. NotCompiled where there are so many that Python's compiler would hold up the start."""
        if len(self._lines) >= _MOST_LINES:
            raise NotCompiled
        self._lines.append(text)

    def local(self, expression: str) -> str:
        """The name of a new local variable with the value of an expression."""
        name = self.named()
        self.line(f"{name} = {expression}")
        return name

    def named(self) -> str:
        """A new name, which the caller's own line gives a value."""
        self._locals += 1
        return f"v{self._locals}"

    def give_up_if(self, condition: str) -> None:
        """Leave the row to the row kernels where this holds."""
        self.line(f"if {condition}: raise {self.constant(GiveUp)}")

    def total(self, terms: Sequence[str], start: str = "") -> str:
        """The terms added from the first to the last; ``start`` comes before them."""
        rest = list(terms)
        total = start or rest.pop(0)
        while rest:
            total = self.local(" + ".join([total, *rest[:_TOGETHER]]))
            rest = rest[_TOGETHER:]
        return total

    def looked(self, symbols: Sequence[Symbol | None]) -> None:
        """Note those that are looked up: an absent key is given up even where nothing else looks at it."""
        self._open.update((id(symbol), symbol) for symbol in symbols if isinstance(symbol, Looked))

    def value(self, value: Symbol) -> str:
        """The expression, a name, of the very value that the row kernels would have."""
        if isinstance(value, Cell):
            return value.name
        if id(value) not in self._values:
            self._values[id(value)] = value, self.local(self._expression(value))
        return self._values[id(value)][1]

    def _expression(self, value: Looked | Slots) -> str:
        if isinstance(value, Slots):
            sparse = value.sparse(self)
            made = value.dense(self)
            if sparse is False:
                return made
            made = f"{self.constant(_sparse_of)}({made})"
            return made if sparse is True else f"{made} if {sparse} else {value.dense(self)}"
        before: Looked | None = value
        while before is not None:
            self._open.pop(id(before), None)
            before = before.made_of
        if value.otherwise is ABSENT:
            return f"{self.constant(value.table)}[{value.key}]"
        return f"{self.constant(value.table.get)}({value.key}, {self.constant(value.otherwise)})"

    def cell(self, value: Symbol) -> Cell:
        """The same as a local variable."""
        if isinstance(value, Cell):
            return value
        null, nan = True, True
        if isinstance(value, Looked):
            null = any(one is None for one in value.values)
            nan = any(one != one for one in value.values)
        return Cell(self.value(value), value.type, null, nan)

    def call(self, function: Callable[..., Any], values: Sequence[Symbol]) -> str:
        """The expression of a call with a list of values."""
        return f"{self.constant(function)}([{', '.join(map(self.value, values))}])"

    def unpacked(self, expression: str, types: Sequence[Type]) -> list[Cell]:
        """The items of what an expression gives, any of which may be null or NaN."""
        cells = [Cell(self.named(), type_) for type_ in types]
        self.line(f"{', '.join(cell.name for cell in cells)}, = {expression}" if cells else expression)
        return cells

    def no_bad(self, cells: Sequence[Cell], *, infinite: bool = False) -> None:
        """Give up where a number is null or NaN, or with ``infinite`` not finite."""
        if infinite:
            names = [cell.name for cell in cells]
        else:
            names = [cell.name for cell in cells if cell.null or (cell.nan and cell.type.base in _FLOATING)]
        if names:
            # One sum for all: None cannot be added, and NaN stays. A sum that overflows is given up in vain.
            total = self.total(names, "0.0")
            self.give_up_if(f"{total} - {total} != 0.0" if infinite else f"{total} != {total}")

    def give(self, expression: str) -> None:
        """End the function with its result.

        First every table is looked at that nothing needed, since the row kernel would refuse what is not there.
        """
        while self._open:
            _, looked = self._open.popitem()
            if looked.otherwise is ABSENT:
                self.line(self._expression(looked))
        self.line(f"return {expression}")

    def text(self, rest: Sequence[str]) -> str:
        """The whole function; the ``rest`` is what it does with a row that it gives up.

        That is every exception: what a value is no ordinary one for, dozens of kernels and Python's own functions say
        with types of their own. None is swallowed: the row kernels process the same row from its start, and raise.
        """
        body = [f"    {line}" for line in ("try:", *(f"    {line}" for line in self._lines))]
        return "\n".join([self._head, *body, "    except Exception:", "        pass", *rest, ""])

    def function(self, rest: Sequence[str] = ()) -> Callable[..., Any]:
        """The function, compiled; `source_of` gives its text."""
        text = self.text([f"    {line}" for line in rest])
        namespace = dict(self._constants)
        exec(compile(text, f"<skewless {self._name}>", "exec", dont_inherit=True), namespace)
        made: Callable[..., Any] = namespace[self._name]
        vars(made)["source"] = text
        return made


def source_of(function: Callable[..., Any]) -> str:
    """The text of a function that was compiled here."""
    return str(vars(function)["source"])


def _sparse_of(slots: list[float]) -> SparseVector:
    pairs = [(slot, value) for slot, value in enumerate(slots) if value != 0.0]
    return SparseVector(len(slots), [slot for slot, _ in pairs], [value for _, value in pairs])


def positive(part: Cell | Looked) -> Cell | Looked:
    """Numbers of any type as doubles, with 0.0 for -0.0."""
    if isinstance(part, Looked):
        return part.map(_positive, part.type)
    return Cell(f"({part.name} + 0.0)", DOUBLE, null=False, nan=part.nan)


def _positive(vector: Any) -> Any:
    stored = vector.values if isinstance(vector, SparseVector) else vector
    if all(value != 0.0 or math.copysign(1.0, value) > 0.0 for value in stored):
        return vector
    return [value + 0.0 for value in dense(vector)]


def entry(text: Symbol, table: Mapping[Any, float], unseen: Any) -> list[Looked] | None:
    """A text's number in a table, ``unseen`` (or ABSENT) for others; None where it is no text in a variable."""
    if not isinstance(text, Cell) or not text.type.is_string:
        return None
    return [Looked(text.name, table, DOUBLE, unseen)]


def tabled(value: Symbol, keys: Iterable[Any], kernel: Callable[[Any], Any], type_: Type) -> Looked | None:
    """What a kernel of one input gives for these keys, as a table; None where that would be none or a large one."""
    if isinstance(value, Looked):
        return value.map(kernel, type_) if len(value.table) <= LARGEST else None
    table = {key: key for key in keys}
    if not isinstance(value, Cell) or not 0 < len(table) <= LARGEST:
        return None
    return Looked(value.name, table, value.type).map(kernel, type_)
