"""The one place where code out of an artifact is executed. Whoever calls it has made sure that the user trusts it."""

from __future__ import annotations

import hashlib
import linecache
import sys
import traceback
from functools import lru_cache
from types import ModuleType
from typing import Final

from skewless.errors import SettingError
from skewless.lazy import resolve
from skewless.ops.python_code import SOURCE, Code, CodeError
from skewless.python_stage import PythonStage

_VERSION: Final = "importlib.metadata:version"
_NOT_THERE: Final = "importlib.metadata:PackageNotFoundError"


class Missing(CodeError):
    """Distributions that the code needs are not installed; ``command`` installs them."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command


def fresh(code: Code) -> PythonStage:
    """A new object of the class, with its attributes set and ``__init__`` not called. CodeError where that fails."""
    check_requires(code.requires)
    stage = object.__new__(_class(code.source, code.class_name))
    vars(stage).update(code.attributes())
    return stage


@lru_cache(maxsize=256)
def shared(code: Code) -> PythonStage:
    """The one object that serves all requests."""
    return fresh(code)


@lru_cache(maxsize=256)
def _class(source: str, name: str) -> type[PythonStage]:
    filename = _filename(source)
    module = ModuleType(f"skewless_own_{_short(source)}")
    # Dataclasses look their module up, and tracebacks their lines.
    sys.modules[module.__name__] = module
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        exec(compile(source, filename, "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as error:
        raise CodeError(f"its module cannot be executed: {told(error, source)}") from error
    found = vars(module).get(name)
    if not isinstance(found, type) or not issubclass(found, PythonStage):
        raise CodeError(f"its module has no class {name!r} of PythonStage")
    return found


def check_requires(requires: tuple[str, ...]) -> None:
    """Missing where a distribution is not installed in the version that the stage was fitted with."""
    wrong = []
    for pin in requires:
        name, _, wanted = pin.partition("==")
        try:
            found = resolve(_VERSION)(name)
        except resolve(_NOT_THERE):
            wrong.append((pin, f"{name} {wanted} is not installed"))
            continue
        if found != wanted:
            wrong.append((pin, f"{name} {found} is installed, but it was fitted with {wanted}"))
    if wrong:
        pins = " ".join(f"'{pin}'" for pin, _ in wrong)
        raise Missing("; ".join(what for _, what in wrong), f"pip install {pins}")


def told(error: BaseException, source: str) -> str:
    """An exception of the user's code: its type, its message, and the line of the source that it passed last."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename == _filename(source):
        text, line = f"SyntaxError: {error.msg}", error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == _filename(source)), None)
    if line is None:
        return text
    shown = source.splitlines()[line - 1].strip() if line <= len(source.splitlines()) else ""
    return f"{text} ({SOURCE}, line {line}: {shown})"


def pinned(names: tuple[str, ...]) -> tuple[str, ...]:
    """Distributions with the versions that are installed here. SettingError for one that is not."""
    pins = []
    for name in names:
        try:
            pins.append(f"{name}=={resolve(_VERSION)(name)}")
        except (resolve(_NOT_THERE), ValueError):
            raise SettingError(
                f"it requires {name!r}, which is no distribution that is installed here",
                hint="Give names as pip knows them, without versions: the one installed here is noted.",
            ) from None
    return tuple(pins)


def _filename(source: str) -> str:
    return f"<{SOURCE} {_short(source)}>"


def _short(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]
