"""A worker with small cases, for the tests."""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.peers.rounds import Case, answer_rounds


def loud(row: int) -> str:
    print(f"a library says {row}")
    return str(row)


def mortal(row: int) -> int:
    if row == 3:
        sys.exit("last words")
    return row


def main() -> None:
    name = sys.argv[2]
    ways: dict[str, Any] = {
        "double": lambda row: 2 * row,
        "triple": lambda row: 3 * row,
        "loud": loud,
        "mortal": mortal,
    }
    if name not in ways:
        raise ValueError(f"no such way: {name}")
    answer_rounds({name: Case(ways[name], range(10))}, {name: "1"})


if __name__ == "__main__":
    main()
