"""The compiled way of one row through a whole chain of containers: from a body of one CSV line to an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, Final, TypeAlias

from skewless.containers.base import Answer, BuiltIn
from skewless.errors import RequestError
from skewless.ops.compiling import Cell, GiveUp, Looked, NotCompiled, Source, Symbol

Program: TypeAlias = Callable[[bytes, list[int] | None], Answer | None]
"""Takes a body, and the list that is told when each container ended; None for a row that it gives up."""

_MARK: Final = "if marks is not None: marks.append({now}())"


def program(chain: Sequence[BuiltIn], accept: str | None) -> Program | None:
    """The program for requests of CSV that accept this; None where the chain has none, or refuses that."""
    source = Source("answer", "body, marks")
    mark = _MARK.format(now=source.constant(perf_counter_ns))
    try:
        given: Sequence[Symbol] = chain[0].emit_decode(source, _line(source))
        for place, container in enumerate(chain):
            if place:
                given = [_present(source, symbol) for symbol in given]
                source.looked(given)
                given = container.emit_adopt(source, given)
                source.looked(given)
                source.line(mark)
            given = container.emit_run(source, given)
        answer = source.local(chain[-1].emit_answer(source, given, accept))
    except (NotCompiled, RequestError):
        return None
    source.line(mark)
    source.give(answer)
    return source.function()


def _line(source: Source) -> str:
    """The text of a body of one line, as `csvtext.single_line` gives it."""
    # Looked for first, which ends at the first line of a long body.
    source.give_up_if('body.find(b"\\n", 0, -1) >= 0')
    line = source.local("body.decode()")
    source.line(
        f'if {line}.endswith("\\n"): {line} = {line}[:-2] if {line}.endswith("\\r\\n") else {line}[:-1]'
    )
    source.give_up_if(f'"\\r" in {line} or not {line} or {line}.isspace()')
    return line


def _present(source: Source, symbol: Symbol) -> Symbol:
    """A column that is handed to the next container: a null has no text, and a vector without slots is no record."""
    if symbol.type.size == 0:
        raise NotCompiled
    if isinstance(symbol, Looked):
        return symbol.map(_there, symbol.type)
    if isinstance(symbol, Cell):
        if symbol.type.is_vector and (symbol.null or symbol.type.size is None):
            source.give_up_if(f"not {symbol.name}")
        elif symbol.null:
            source.give_up_if(f"{symbol.name} is None")
            return Cell(symbol.name, symbol.type, null=False, nan=symbol.nan)
    return symbol


def _there(cell: Any) -> Any:
    if cell is None or cell == []:
        raise GiveUp
    return cell
