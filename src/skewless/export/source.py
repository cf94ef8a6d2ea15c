"""The source of a user's class as one module that stands for itself, since it travels and runs elsewhere.

A class in a module file takes the whole file along. One in a script or a notebook is cut out of it, with imports of the
names that it uses; what is not imported there cannot go with it.
"""

from __future__ import annotations

import ast
import builtins
import dis
import importlib.metadata
import inspect
import linecache
import re
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType
from typing import Any, Final

from skewless.errors import UnsupportedError
from skewless.python_stage import PythonStage

ALWAYS_THERE: Final = frozenset({"skewless", "numpy", "pyarrow", *sys.stdlib_module_names})
_FILE: Final = (
    "Put the class with all that it uses into a file of its own, scale.py say, and import it from there."
)
_OF_CLASSES: Final = (
    "__name__",
    "__qualname__",
    "__module__",
    "__annotations__",
    "__conditional_annotations__",
)
_LOADS: Final = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


def source_of(kind: type[PythonStage], requires: Iterable[str]) -> str:
    """The text of a module that defines the class. UnsupportedError names what would be missing where it runs."""
    text = text_of(kind)
    _check_imports(kind, text, requires)
    return text


def text_of(kind: type[PythonStage]) -> str:
    """The same with its imports not looked at."""
    if "." in kind.__qualname__:
        raise _refused(
            kind, "it is defined inside a function or another class", "Define it at the top of its module."
        )
    if any("__slots__" in vars(one) for one in kind.__mro__[:-1]):
        raise _refused(kind, "it has __slots__", "Leave them out: its attributes are what it is fitted to.")
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if module is None or module.__name__ == "__main__" or not str(file).endswith(".py"):
        return _cut_out(kind, module)
    linecache.checkcache(file)
    return inspect.getsource(module)


def _check_imports(kind: type, text: str, requires: Iterable[str]) -> None:
    """UnsupportedError for an import of what neither is always there nor comes with a required distribution."""
    required = {_normal(name) for name in requires}
    distributions = importlib.metadata.packages_distributions()
    for name, line in _imports(ast.parse(text).body):
        top = name.partition(".")[0]
        owners = distributions.get(top, [])
        if top in ALWAYS_THERE or required.intersection(map(_normal, owners)):
            continue
        if owners:
            way_out = f'Declare it: requires = ("{owners[0]}",).'
        else:
            way_out = f"Take what it needs of {name or 'the package'} into the class's own file."
        raise _refused(
            kind, f"line {line} of its module imports {name or 'relatively'}, which would not travel", way_out
        )


def _imports(statements: Iterable[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Imported modules with their lines, but those for type checkers and for running as a script."""
    for statement in statements:
        if isinstance(statement, ast.If) and re.search("TYPE_CHECKING|__main__", ast.unparse(statement.test)):
            yield from _imports(statement.orelse)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or "" if node.level == 0 else ""), node.lineno


def _cut_out(kind: type, module: ModuleType | None) -> str:
    text, annotations = _definition(kind)
    known = vars(module) if module is not None else {}
    used = set(_globals(compile(f"from __future__ import annotations\n{text}", "<stage>", "exec")))
    used -= {kind.__name__, *vars(builtins), *_OF_CLASSES}
    lines = {name: _import_of(name, known.get(name)) for name in sorted(used | (annotations & known.keys()))}
    lost = [name for name, line in lines.items() if line is None and name in used]
    if lost:
        where = "the script or notebook that defines it"
        raise _refused(kind, f"it uses {', '.join(lost)} of {where}, which would not travel", _FILE)
    imports = [line for line in lines.values() if line]
    return "\n".join(["from __future__ import annotations", "", *imports, "", "", text])


def _definition(kind: type) -> tuple[str, set[str]]:
    """The class statement's text, found by the place of a function in it, and the names in its annotations."""
    functions = [inspect.unwrap(one) for one in vars(kind).values() if inspect.isfunction(one)]
    for code in (function.__code__ for function in functions):
        lines = linecache.getlines(code.co_filename)
        for node in ast.parse("".join(lines)).body:
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                last = node.end_lineno or node.lineno
                if first <= code.co_firstlineno <= last:
                    hints = [one.annotation for one in node.body if isinstance(one, ast.AnnAssign)]
                    names = {n.id for hint in hints for n in ast.walk(hint) if isinstance(n, ast.Name)}
                    return "".join(lines[first - 1 : last]), names
    raise _refused(kind, "its source cannot be found, as of one typed at a prompt", _FILE)


def _globals(code: CodeType) -> Iterator[str]:
    """Names that code takes from its module, nested functions included."""
    instructions = list(dis.get_instructions(code))
    own = {one.argval for one in instructions if one.opname == "STORE_NAME"}
    yield from (one.argval for one in instructions if one.opname in _LOADS and one.argval not in own)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals(constant)


def _import_of(name: str, value: Any) -> str | None:
    """The statement that gives a name the value that it has, where an import can."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}"
    home, called = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    module = sys.modules.get(home) if isinstance(home, str) else None
    if module is None or home == "__main__" or getattr(module, called, None) is not value:
        return None
    return f"from {home} import {called} as {name}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _refused(kind: type, why: str, way_out: str) -> UnsupportedError:
    return UnsupportedError(f"class {kind.__name__} cannot be a stage: {why}", hint=way_out)
