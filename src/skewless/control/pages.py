"""Answers in pages: a page goes on after the last row of the one before, whatever came or went in between."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, select, tuple_

from skewless.control.errors import ServiceError, invalid
from skewless.control.plane import Members

SAGEMAKER_PAGE: Final = 10
"""Rows of a SageMaker list where MaxResults is not given."""

_CHECK = 12  # bytes of the digest


def page(
    connection: Connection,
    query: Select[Any],
    by: Sequence[ColumnElement[Any]],
    *,
    size: int,
    token: str | None,
    scope: Any,
    refusal: ServiceError,
    descending: bool = False,
) -> tuple[list[Row[Any]], str | None]:
    """Up to ``size`` rows in the order of ``by`` (together unique, never null), and the token of the next page.

    ``scope`` is plain data that says which list this is, filters included: a token holds for its own list only.
    Raises ``refusal`` for any other text.
    """
    after = unseal(token, scope, refusal) if token else None
    if after is not None:
        bound = tuple_(*after)
        query = query.where(tuple_(*by) < bound if descending else tuple_(*by) > bound)
    keys = [column.label(f"page_{number}") for number, column in enumerate(by)]
    order = [column.desc() if descending else column for column in by]
    rows = connection.execute(query.add_columns(*keys).order_by(*order).limit(size + 1)).all()
    if len(rows) <= size:
        return list(rows), None
    return list(rows[:size]), seal([rows[size - 1]._mapping[key.name] for key in keys], scope)


def few(
    items: Sequence[Any], *, size: int, token: str | None, scope: Any, refusal: ServiceError
) -> tuple[list[Any], str | None]:
    """A page of a list so short that it is at hand as a whole; its tokens count the items before."""
    (start,) = unseal(token, scope, refusal) if token else (0,)
    end = start + size
    return list(items[start:end]), seal([end], scope) if end < len(items) else None


def sagemaker_page(
    connection: Connection,
    operation: str,
    table: Table,
    request: Members,
    sorts: Mapping[str, ColumnElement[Any]],
    *,
    where: Sequence[ColumnElement[bool]] = (),
    descending: bool = True,
) -> tuple[list[Row[Any]], str | None]:
    """A page of the SageMaker list that ``operation`` names, by the request's filters, order and paging members.

    ``sorts`` maps SortBy's values to columns, the default first; ``descending`` holds where SortOrder is not given.
    """
    column = sorts[request.get("SortBy", next(iter(sorts)))]
    by = [column] if column is table.c.name else [column, table.c.name]
    order = request.get("SortOrder")
    return page(
        connection,
        select(table).where(*where, *_filters(table, request)),
        by,
        size=request.get("MaxResults", SAGEMAKER_PAGE),
        token=request.get("NextToken"),
        scope=[operation, _without_paging(request)],
        refusal=invalid(
            "The NextToken is not valid for this list: pass it as it came, with the same filters."
        ),
        descending=descending if order is None else order == "Descending",
    )


def milliseconds(time: datetime | float) -> int:
    """A time of a request (an aware datetime, or seconds since 1970) as the store has it."""
    return round((time.timestamp() if isinstance(time, datetime) else time) * 1000)


def _filters(table: Table, request: Members) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for member, column in (("CreationTime", "created"), ("LastModifiedTime", "modified")):
        if f"{member}After" in request:
            found.append(table.c[column] > milliseconds(request[f"{member}After"]))
        if f"{member}Before" in request:
            found.append(table.c[column] < milliseconds(request[f"{member}Before"]))
    if "NameContains" in request:
        # PostgreSQL's LIKE minds the case, SQLite's does not; in lower case they agree.
        found.append(func.lower(table.c.name).contains(request["NameContains"].lower(), autoescape=True))
    if "StatusEquals" in request:
        found.append(table.c.status == request["StatusEquals"])
    return found


def _without_paging(request: Members) -> Members:
    return {name: value for name, value in request.items() if name not in ("NextToken", "MaxResults")}


def seal(after: list[Any], scope: Any) -> str:
    """A token that holds ``after`` (plain data), for one list only."""
    body = json.dumps(after, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(body, scope) + body).decode().rstrip("=")


def unseal(token: str, scope: Any, refusal: ServiceError) -> list[Any]:
    """What a token of this list holds. Raises ``refusal`` for any other text."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise refusal from None
    check, body = raw[:_CHECK], raw[_CHECK:]
    if check != _digest(body, scope):
        raise refusal
    after: list[Any] = json.loads(body)
    return after


def _digest(body: bytes, scope: Any) -> bytes:
    """Tells a token apart from other text. It guards no secret: one made by hand shows what lists show anyway."""
    text = json.dumps(scope, sort_keys=True, default=str).encode()
    return hashlib.sha256(text + b"\0" + body).digest()[:_CHECK]
