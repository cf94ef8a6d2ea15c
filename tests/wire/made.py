"""Members of any shape of botocore's models, made from a seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

DEEPEST: Final = 6
LETTERS: Final = "abcXYZ019 -_./:=+@,;&<>\"'%\\{}[]()!#*\t\nüß漢😀"


class Maker:
    """Makes values. What is not required is there half of the time; below some depth, not at all."""

    def __init__(self, seed: str, *, empty: bool = True) -> None:
        """``empty`` says whether structures and maps may be: the query protocol cannot tell those from none."""
        self._random = Random(seed)
        self._empty = empty

    def value(self, shape: Any, depth: int = 0) -> Any:
        """One value of a shape."""
        return getattr(self, f"_{shape.type_name}")(shape, depth)

    def _structure(self, shape: Any, depth: int) -> dict[str, Any]:
        members = {name: member for name, member in shape.members.items() if self._ends(member, depth)}
        if shape.is_tagged_union:
            chosen = [self._random.choice(sorted(members))]
        else:
            chosen = [
                name
                for name, member in members.items()
                if name in shape.required_members
                or "idempotencyToken" in member.metadata  # clients fill it in
                or self._random.random() < 0.5
            ]
        if not chosen and not self._empty and members:
            chosen = [self._random.choice(sorted(members))]
        return {name: self.value(members[name], depth + 1) for name in chosen}

    def _ends(self, shape: Any, depth: int) -> bool:
        return depth < DEEPEST or shape.type_name not in ("structure", "list", "map")

    def _list(self, shape: Any, depth: int) -> list[Any]:
        count = self._random.choice((0, 1, 2)) if self._ends(shape.member, depth) else 0
        return [self.value(shape.member, depth + 1) for _ in range(count)]

    def _map(self, shape: Any, depth: int) -> dict[str, Any]:
        least = 0 if self._empty else 1
        count = self._random.choice((least, 2)) if self._ends(shape.value, depth) else least
        return {
            self._string(shape.key, depth) or "k": self.value(shape.value, depth + 1) for _ in range(count)
        }

    def _string(self, shape: Any, depth: int) -> str:
        if shape.enum and self._random.random() < 0.8:
            return str(self._random.choice(shape.enum))
        return "".join(self._random.choices(LETTERS, k=self._random.choice((0, 1, 7, 20))))

    def _boolean(self, shape: Any, depth: int) -> bool:
        return self._random.random() < 0.5

    def _integer(self, shape: Any, depth: int) -> int:
        return self._random.choice((0, 1, -1, 23, 24, 255, 65536, (1 << 31) - 1, -(1 << 31)))

    def _long(self, shape: Any, depth: int) -> int:
        return self._random.choice((self._integer(shape, depth), 1 << 40, (1 << 63) - 1, -(1 << 63)))

    def _double(self, shape: Any, depth: int) -> float:
        return self._random.choice(
            (0.0, -0.0, 1.0, 0.1, -2.5e-300, 1.7976931348623157e308, self._random.random())
        )

    def _float(self, shape: Any, depth: int) -> float:
        return self._random.choice((0.0, 0.5, -1.25, 65504.0))

    def _blob(self, shape: Any, depth: int) -> bytes:
        return self._random.randbytes(self._random.choice((0, 1, 30)))

    def _timestamp(self, shape: Any, depth: int) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=self._random.randrange(4_000_000_000))
