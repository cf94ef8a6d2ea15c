"""An op's fitted values in a few words: how many labels, trees or coefficients, and its options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import fields, is_dataclass
from typing import Any, Final

from skewless.ops.op import Op
from skewless.ops.trees import Tree

_SHOWN: Final = 4
_LONGEST: Final = 24


def summary(op: Op) -> tuple[str, ...]:
    """What the op's fields hold, a phrase each; what is absent, empty or off is not mentioned."""
    return tuple(_of_fields(op, ""))


def _of_fields(record: Any, name: str) -> Iterator[str]:
    """A phrase for each field; the first that is a sequence, or a name, goes by what the record is called."""
    for field in fields(record):
        # What does not make two ops different is no fitted value.
        if not field.compare:
            continue
        value = getattr(record, field.name)
        if name and (isinstance(value, tuple) or field.name == "name"):
            yield from _phrases(name, value)
            name = ""
        else:
            yield from _phrases(field.name, value)


def _phrases(name: str, value: Any) -> Iterator[str]:
    if value is None or value is False or (isinstance(value, Sized) and not len(value)):
        return
    if value is True:
        yield name
    elif isinstance(value, bytes):
        yield f"{name} ({len(value):,} bytes)"
    elif isinstance(value, Tree):
        yield f"{name}: {_trees([value])}"
    elif isinstance(value, Op):
        yield f"{name}: {value.name}"
    elif is_dataclass(value):
        yield from _of_fields(value, name)
    elif isinstance(value, tuple | list | frozenset):
        yield _several(name, list(value))
    elif isinstance(value, Mapping):
        yield f"{name} ({len(value):,})"
    else:
        yield f"{name}={_short(value)}"


def _several(name: str, values: Sequence[Any]) -> str:
    count = f"{len(values):,}"
    if all(isinstance(value, Tree) for value in values):
        return f"{name} ({count}): {_trees(values)}"
    if all(isinstance(value, Op) for value in values):
        return f"{name} ({count}): {', '.join(dict.fromkeys(value.name for value in values))}"
    lengths = {_length(value) for value in values}
    if None not in lengths:
        known = sorted(length for length in lengths if length is not None)
        return f"{name} ({count} × {'…'.join(f'{length:,}' for length in (known[0], *known[1:][-1:]))})"
    if any(is_dataclass(value) for value in values):
        return f"{name} ({count})"
    shown = ", ".join(map(_short, values[:_SHOWN]))
    return f"{name} ({count}): {shown}" + (", …" if len(values) > _SHOWN else "")


def _length(value: Any) -> int | None:
    """How long a sequence is, or one that the value is a record of; None for anything else."""
    if is_dataclass(value):
        found = (getattr(value, field.name) for field in fields(value))
        value = next((inner for inner in found if isinstance(inner, tuple)), None)
    return len(value) if isinstance(value, tuple | list) else None


def _trees(trees: Sequence[Tree]) -> str:
    splits = sum(split is not None for tree in trees for split in tree.splits)
    leaves = sum(len(tree.values) for tree in trees)
    return f"{splits:,} splits, {leaves:,} leaves"


def _short(value: Any) -> str:
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, int):
        text = f"{value:,}"
    elif value is None:
        text = "–"
    else:
        text = str(value)
        if not text.isprintable() or text.strip() != text or not text:
            text = repr(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
