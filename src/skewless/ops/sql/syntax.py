"""Spark's SQL text to sqlglot's tree, with literals as Spark reads them and functions by the names as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import Token, TokenType

from skewless.ops.sql.kinds import Untyped

_STRINGS: Final = (TokenType.STRING, TokenType.RAW_STRING)
_PLAIN_PARSERS: Final = ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTR", "SUBSTRING", "TRIM")
# After these a + has nothing to add to; sqlglot forgets such a sign, which reads a string as a number in Spark.
_BEFORE_A_SIGN: Final = re.compile(
    r"[-(,+*/%=<>!|&~^]|(?i:SELECT|WHERE|WHEN|THEN|ELSE|CASE|AND|OR|NOT|BETWEEN|IN|LIKE|DIV)"
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[01][0-7]{2}|.)", re.DOTALL)
_ESCAPED: Final = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}


class _Parser(SparkParser):
    """Spark's grammar, but functions are not taken for what they are elsewhere."""

    FUNCTIONS = {}  # noqa: RUF012
    FUNCTION_PARSERS = {  # noqa: RUF012
        name: parser for name, parser in SparkParser.FUNCTION_PARSERS.items() if name in _PLAIN_PARSERS
    }
    STRICT_CAST = True


def parse(text: str) -> exp.Expr | None:
    """The one statement of a text."""
    tokens = list(_as_spark_reads(Spark().tokenize(text), text))
    statements: list[Any] = _Parser(dialect=Spark()).parse(tokens, text)
    if len(statements) != 1:
        raise Untyped("it is not a single SELECT")
    found: exp.Expr | None = statements[0]
    return found


def _as_spark_reads(tokens: list[Token], text: str) -> Iterator[Token]:
    """The tokens with strings unescaped and joined, and numbers with their suffixes."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.token_type in _STRINGS:
            token, at = _string(tokens, at, text), at + 1
            while at < len(tokens) and tokens[at].token_type in _STRINGS:
                at += 1
            yield token
            continue
        if token.token_type == TokenType.PLUS and (at == 0 or _BEFORE_A_SIGN.fullmatch(tokens[at - 1].text)):
            raise Untyped("a + that adds nothing is not supported: leave it out")
        if token.token_type == TokenType.NUMBER:
            suffixed = tokens[at + 1 : at + 3]
            # A suffix gives three tokens of one place: the number, ::, and the type.
            if len(suffixed) == 2 and suffixed[0].start == token.start:
                at += 2
            token.text = text[token.start : token.end + 1]
        yield token
        at += 1


def _string(tokens: list[Token], at: int, text: str) -> Token:
    """Strings that stand one after the other are one; without a space between, the quote is doubled and stays."""
    parts: list[str] = []
    first = tokens[at]
    while at < len(tokens) and tokens[at].token_type in _STRINGS:
        token = tokens[at]
        raw = text[token.start : token.end + 1]
        if parts and token.start == tokens[at - 1].end + 1 and text[token.start] == text[tokens[at - 1].end]:
            parts.append(text[token.start])
        parts.append(raw[2:-1] if raw[0] in "rR" else _ESCAPE.sub(_unescaped, raw[1:-1]))
        at += 1
    return Token(TokenType.STRING, "".join(parts), first.line, first.col, first.start, tokens[at - 1].end)


def _unescaped(found: re.Match[str]) -> str:
    escape = found[1]
    if len(escape) > 1:
        return chr(int(escape[1:], 16) if escape[0] in "uU" else int(escape, 8))
    return _ESCAPED.get(escape, escape)
