"""What is drawn on a terminal: the table of `predict --explain` and the progress bar of `transform`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_MOST_ROWS: Final = 8
_WIDTH: Final = 160
"""Of a table that goes to a file or another program."""


def show_steps(steps: Iterable[tuple[str, str, str, Any]]) -> None:
    """Print container, stage, column and values. Where a step fails, those before it are printed all the same."""
    table = Table(
        *("container", "stage", "column", "values"),
        title="What every stage made of the rows",
        show_lines=False,
    )
    previous = None
    try:
        for container, stage, column, values in steps:
            shown = values.decode(errors="replace").strip() if isinstance(values, bytes) else _values(values)
            # As `Text`, because rich would take what stands in brackets for its markup.
            table.add_row(*map(Text, (container if container != previous else "", stage, column, shown)))
            previous = container
    finally:
        if table.row_count:
            Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)


def _values(values: list[Any]) -> str:
    more = f"\n… {len(values):,} rows" if len(values) > _MOST_ROWS else ""
    return "\n".join(map(str, values[:_MOST_ROWS])) + more


class Advance(Protocol):
    """Told of work done: bytes read and rows answered."""

    def __call__(self, size: int, rows: int) -> None: ...


@contextmanager
def progress(total: int) -> Iterator[Advance]:
    """A bar on standard error, where that is a terminal; ``total`` is in bytes."""
    columns = (TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total, rows=0)
        done = 0

        def advance(size: int, rows: int) -> None:
            nonlocal done
            done += rows
            bar.update(task, advance=size, rows=done)

        yield advance
