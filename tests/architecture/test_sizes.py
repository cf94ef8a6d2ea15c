"""A size budget: functions aim at 25 lines of code and fail above 60, files aim at 300 and fail above 600."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "examples", "tools")
MOST_IN_A_FUNCTION = 60
MOST_IN_A_FILE = 600
type_of_function = ast.FunctionDef | ast.AsyncFunctionDef


def written_files() -> list[Path]:
    """Python files, without generated ones: those say so in their first line."""
    files = [file for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.py"))]
    return [file for file in files if "generated" not in file.read_text().partition("\n")[0]]


def code_lines(source: str, tree: ast.AST) -> set[int]:
    """Lines that hold code: no blank lines, comments or docstrings."""
    lines = {
        number
        for number, line in enumerate(source.split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    for node in ast.walk(tree):
        if isinstance(node, type_of_function | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            first = node.body[0]
            lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def functions(file: Path) -> Iterator[tuple[int, str]]:
    source = file.read_text()
    tree = ast.parse(source)
    code = code_lines(source, tree)
    for node in ast.walk(tree):
        if isinstance(node, type_of_function):
            size = len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            yield size, f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"


def show(what: str, sizes: list[tuple[int, str]]) -> None:
    print(f"\nlargest {what}:", *(f"{size:5} {place}" for size, place in sizes[:5]), sep="\n")


def test_functions(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = sorted((entry for file in written_files() for entry in functions(file)), reverse=True)
    with capsys.disabled():
        show("functions", sizes)
    assert [entry for entry in sizes if entry[0] > MOST_IN_A_FUNCTION] == []


def test_files(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = sorted(
        ((len(file.read_text().splitlines()), str(file.relative_to(ROOT))) for file in written_files()),
        reverse=True,
    )
    with capsys.disabled():
        show("files", sizes)
    assert [entry for entry in sizes if entry[0] > MOST_IN_A_FILE] == []
