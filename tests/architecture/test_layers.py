"""A module imports only from lower layers. The layers are data, here; a module without one fails."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"

FACADE = "skewless"  # the package's own __init__ alone, not what lies below it
# Lowest first. Modules of one row do not know each other; within a package they may.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("skewless.errors", "skewless.names", "skewless.lazy", "skewless.lifetime", "skewless.priority"),
    ("skewless.trust", "skewless.arrow"),
    ("skewless.schema", "skewless.settings", "skewless.services"),
    ("skewless.javatext", "skewless.native"),
    ("skewless.vectors",),
    (
        "skewless.table",
        "skewless.spec",
        "skewless.python_stage",
        "skewless.datasets",
        "skewless.store",
        "skewless.blobs",
        "skewless.programs",
    ),
    ("skewless.coded", "skewless.telemetry"),
    ("skewless.codecs",),
    ("skewless.boosters",),
    ("skewless.ops",),
    ("skewless.bundles", "skewless.transforms"),
    ("skewless.containers",),
    ("skewless.serving", "skewless.jobs", "skewless.export", "skewless.control"),
    ("skewless.supervisor", "skewless.aws"),
    ("skewless.app", "skewless.spark", "skewless.sklearn"),
    ("skewless.mleap", FACADE),
    ("skewless.scripts",),
    ("skewless.cli",),
)
LAYER = {package: number for number, row in enumerate(LAYERS) for package in row}
LATE_IMPORTER = "skewless.lazy"


def name_of(file: Path) -> str:
    parts = file.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted((SRC / "skewless").rglob("*.py"))}


def package_of(module: str) -> str | None:
    """The longest entry of the layers that the module is or lies in."""
    entries = [entry for entry in LAYER if entry != FACADE and f"{module}.".startswith(f"{entry}.")]
    return FACADE if module == FACADE else max(entries, key=len, default=None)


def layer_of(module: str) -> int:
    package = package_of(module)
    assert package, f"{module} has no layer: give it one in {Path(__file__).name}"
    return LAYER[package]


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports(module: str) -> list[tuple[str, int]]:
    """Modules of ours that a module imports anywhere in its file, with the line."""
    found = []
    for node in ast.walk(tree_of(module)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in submodules]
        for name in dict.fromkeys(names):
            if package_of(name):
                found.append((name, node.lineno))  # type: ignore[attr-defined]
    return found


def say(module: str, line: int, what: str) -> str:
    file = MODULES[module]
    source = file.read_text().splitlines()[line - 1].strip()
    return f"{file.relative_to(SRC.parent)}:{line}: {source}   <- {what}"


def test_every_module_has_a_layer() -> None:
    assert [module for module in MODULES if package_of(module) is None] == []


def test_imports_go_down() -> None:
    wrong = [
        say(module, line, f"layer {layer_of(module)} imports layer {layer_of(target)}")
        for module in MODULES
        for target, line in imports(module)
        if package_of(target) != package_of(module) and layer_of(target) >= layer_of(module)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_cycles() -> None:
    graph = {module: {target for target, _ in imports(module)} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("import cycle: " + " <- ".join(error.args[1]))


def test_no_imports_inside_functions() -> None:
    wrong = {
        say(module, node.lineno, "import inside a function; use a table for skewless.lazy")
        for module in MODULES
        for function in ast.walk(tree_of(module))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert not wrong, "\n" + "\n".join(sorted(wrong))


def test_only_one_module_imports_late() -> None:
    late = {"import_module", "__import__"}
    wrong = [
        say(module, node.lineno, f"only {LATE_IMPORTER} may import late")
        for module in MODULES
        if module != LATE_IMPORTER
        for node in ast.walk(tree_of(module))
        if (isinstance(node, ast.Name) and node.id in late)
        or (isinstance(node, ast.Attribute) and node.attr in late)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def lazy_references() -> Iterator[tuple[str, int, str, str]]:
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                target, colon, attribute = node.value.partition(":")
                if colon and target.startswith("skewless.") and attribute.isidentifier():
                    yield module, node.lineno, target, attribute


def test_lazy_tables_name_things_that_exist() -> None:
    wrong = [
        say(module, line, "names nothing")
        for module, line, target, attribute in lazy_references()
        if target not in MODULES or not hasattr(importlib.import_module(target), attribute)
    ]
    assert not wrong, "\n" + "\n".join(wrong)
