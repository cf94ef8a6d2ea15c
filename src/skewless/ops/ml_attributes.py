"""A column's ML attributes, as Spark keeps them under ``ml_attr`` in the metadata of its schema.

A single column is numeric, binary, or nominal with its values; a vector has such attributes for every slot. An empty
mapping stands for a plain number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

MLAttributes: TypeAlias = Mapping[str, Any]

NUMERIC: Final[MLAttributes] = {}
BINARY: Final[MLAttributes] = {"type": "binary"}


def nominal(values: Sequence[str]) -> MLAttributes:
    """Of an index into these values."""
    return {"type": "nominal", "vals": list(values)}


def group(slots: Sequence[MLAttributes]) -> MLAttributes:
    """Of a vector with these slots; they lose their names, which Spark makes of the columns'."""
    kinds: dict[str, list[MLAttributes]] = {}
    for index, slot in enumerate(slots):
        told = {name: value for name, value in slot.items() if name not in ("type", "name")}
        kinds.setdefault(str(slot.get("type", "numeric")), []).append({**told, "idx": index})
    return {"num_attrs": len(slots), "attrs": kinds}


def slots_of(attributes: MLAttributes) -> list[MLAttributes] | None:
    """Every slot's attributes, or None where the vector has at most a number of slots; those not listed are numeric."""
    if "attrs" not in attributes:
        return None
    listed = [(kind, slot) for kind, slots in attributes["attrs"].items() for slot in slots]
    made = [NUMERIC] * int(attributes.get("num_attrs", len(listed)))
    for kind, slot in listed:
        made[int(slot["idx"])] = {**slot, "type": kind}
    return made


def number_of_values(attributes: MLAttributes) -> int | None:
    """How many values a nominal column has, at least 1, and 1 for any other; None where a nominal one does not tell."""
    if attributes.get("type") != "nominal":
        return 1
    if "num_vals" in attributes:
        return max(1, int(attributes["num_vals"]))
    return max(1, len(attributes["vals"])) if "vals" in attributes else None
