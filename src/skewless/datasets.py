"""Data sets that the project can write itself, so that an example needs no download."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

from skewless.errors import SettingError

CAR_COLUMNS: Final = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
CAR_VALUES: Final = (
    ("vhigh", "high", "med", "low"),
    ("vhigh", "high", "med", "low"),
    ("2", "3", "4", "5more"),
    ("2", "4", "more"),
    ("small", "med", "big"),
    ("low", "med", "high"),
)
CAR_LABELS: Final = ("unacc", "acc", "good", "vgood")

_PRICE: Final = {
    **dict.fromkeys(product(("vhigh",), ("vhigh", "high")), 0),
    ("high", "vhigh"): 0,
    ("med", "med"): 2,
    ("low", "high"): 2,
    ("med", "low"): 3,
    ("low", "med"): 3,
    ("low", "low"): 3,
}
"""Of (buying, maint); 1 for every other pair."""

_COMFORT: Final = {
    ("2", "more", "small"): 0,
    **dict.fromkeys(
        (
            ("2", "4", "small"),
            ("2", "4", "med"),
            ("2", "more", "med"),
            ("3", "4", "small"),
            ("3", "4", "med"),
            ("3", "more", "small"),
            ("4", "4", "small"),
            ("4", "more", "small"),
            ("5more", "4", "small"),
            ("5more", "more", "small"),
        ),
        1,
    ),
}
"""Of (doors, persons, lug_boot); 0 for two persons, 2 for every other triple."""

# By price and comfort: the label for safety low, med, high.
_CLASS: Final = {
    (1, 1): ("unacc", "unacc", "acc"),
    (1, 2): ("unacc", "acc", "acc"),
    (2, 1): ("unacc", "acc", "acc"),
    (2, 2): ("unacc", "acc", "vgood"),
    (3, 1): ("unacc", "acc", "good"),
    (3, 2): ("unacc", "good", "vgood"),
}


def car_class(values: tuple[str, ...]) -> str:
    """The label of a car by the decision model behind the Car Evaluation set (M. Bohanec, CC BY 4.0)."""
    buying, maint, doors, persons, lug_boot, safety = values
    price = _PRICE.get((buying, maint), 1)
    comfort = 0 if persons == "2" else _COMFORT.get((doors, persons, lug_boot), 2)
    by_safety = _CLASS.get((price, comfort))
    return "unacc" if by_safety is None else by_safety[CAR_VALUES[5].index(safety)]


def car_evaluation() -> Iterator[tuple[str, ...]]:
    """All 1,728 cars with their labels, in the order of the published file."""
    for values in product(*CAR_VALUES):
        yield (*values, car_class(values))


def write_car_evaluation(path: Path) -> int:
    """Write the set as CSV without a header; gives the number of rows. SettingError where it cannot be written."""
    lines = [",".join(row) + "\n" for row in car_evaluation()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}") from None
    return len(lines)
