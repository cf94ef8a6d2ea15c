"""``skewless explain``: what a model holds, as text, as a picture, or as JSON. Nothing of it is run."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from skewless.bundles.place import printable
from skewless.errors import SettingError
from skewless.lazy import resolve

if TYPE_CHECKING:
    from skewless.containers.outline import ColumnOutline, ModelOutline, Outline, StageOutline

# Looked up when the command runs, so that the other commands need not wait for it.
OUTLINE: Final = "skewless.containers.outline:outline_of"
DRAW: Final = "skewless.cli.picture:draw"

_MOST_COLUMNS: Final = 8
_WIDTH: Final = 120
"""Of text that goes to a file or another program."""


@click.command
@click.argument("model")
@click.option("--output", metavar="COLUMN", help="Only the stages that this column needs.")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw a picture into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(model: str, output: str | None, svg: Path | None, as_json: bool) -> None:
    """Show what a model holds: columns, stages, fitted values, where it comes from. Nothing of it is run.

    MODEL is a bundle's folder or archive, a model.tar.gz or a pipeline.yaml.
    """
    outline: Outline = resolve(OUTLINE)(model, output)
    if as_json:
        print(json.dumps(asdict(outline), ensure_ascii=False, indent=2))
    elif svg is None:
        width = shutil.get_terminal_size((_WIDTH, 0)).columns if sys.stdout.isatty() else _WIDTH
        print("\n".join(_text(outline, max(width, 40))))
    if svg is not None:
        if svg.is_dir():
            raise SettingError(f"{svg} is a folder", hint="Give the picture's file, such as model.svg.")
        svg.write_text(resolve(DRAW)(outline), encoding="utf-8")
        if not as_json:
            print(f"{svg}: {sum(len(one.stages) for one in outline.models):,} stages drawn")


def _text(outline: Outline, width: int) -> Iterator[str]:
    if len(outline.models) > 1:
        yield f"{printable(outline.name)}: {len(outline.models)} containers"
        yield ""
    for position, model in enumerate(outline.models):
        if position:
            yield ""
        yield from _model(model, width)


def _model(model: ModelOutline, width: int) -> Iterator[str]:
    yield f"{printable(model.name)} ({model.kind})"
    for line in model.about:
        yield from _wrapped(line, width, "  ")
    for line in model.warnings:
        yield from _wrapped(f"warning: {line}", width, "  ")
    yield ""
    yield from _wrapped(f"reads {_columns(model.inputs)}", width, "  ")
    for number, stage in enumerate(model.stages, start=1):
        yield ""
        yield from _stage(number, stage, width)
    if model.gives:
        yield ""
        yield from _wrapped(f"hands on {_columns(model.gives)}", width, "  ")


def _stage(number: int, stage: StageOutline, width: int) -> Iterator[str]:
    yield from _wrapped(f"{number:>3}  {printable(stage.name)} · {op_text(stage)}", width, "")
    made = _columns(stage.outputs) if stage.outputs else "no column"
    yield from _wrapped(f"{_columns(stage.inputs)} → {made}", width, "     ")
    if stage.values:
        yield from _wrapped("; ".join(stage.values), width, "     ")


def op_text(stage: StageOutline) -> str:
    """A stage's op, and how near its numbers are to those of what fitted it."""
    if stage.ulps is None:
        return printable(stage.op)
    near = f"within {stage.ulps:,} {'ulp' if stage.ulps == 1 else 'ulps'}" if stage.ulps else "bit-equal"
    return f"{stage.op} · {near}"


def column_text(column: ColumnOutline) -> str:
    """A column's name and type."""
    return f"{printable(column.name)}: {column.type}" if column.type else printable(column.name)


def _columns(columns: Sequence[ColumnOutline]) -> str:
    shown = ", ".join(map(column_text, columns[:_MOST_COLUMNS]))
    more = len(columns) - _MOST_COLUMNS
    return f"{shown} and {more:,} more" if more > 0 else shown or "nothing"


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines of a text; what a model says must not steer the terminal."""
    return textwrap.wrap(
        text if text.isprintable() else ascii(text)[1:-1],
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_on_hyphens=False,
    )
