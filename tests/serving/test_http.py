"""What a client may send, right and wrong, to a real server: the statuses, and the words of every refusal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.pipelines import CAR, CAR_LABEL, PRICY, PRICY_LABEL
from tests.serving.running import CSV, Headers, Server

MANY = b"\n".join([CAR, PRICY] * 1000)
MANY_LABELS = b"\n".join([CAR_LABEL, PRICY_LABEL] * 1000)


def test_ping(server: Server) -> None:
    answer = server.get("/ping")
    assert (answer.status, answer.body) == (200, b"")


def test_execution_parameters(server: Server) -> None:
    answer = server.get("/execution-parameters")
    told = {
        "MaxConcurrentTransforms": os.cpu_count(),
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 5,
    }
    assert (answer.status, json.loads(answer.body)) == (200, told)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(CAR, CAR_LABEL, id="one row"),
        pytest.param(CAR + b"\n", CAR_LABEL, id="trailing newline"),
        pytest.param(CAR + b"\r\n", CAR_LABEL, id="CRLF"),
        pytest.param(CAR + b"\r\n" + PRICY + b"\r\n", CAR_LABEL + b"\n" + PRICY_LABEL, id="CRLF, two rows"),
        pytest.param(CAR + b"\n\n" + PRICY, CAR_LABEL + b"\n" + PRICY_LABEL, id="blank line"),
        pytest.param("größer ✓,low,5more,2,big,high".encode(), PRICY_LABEL, id="non-ASCII"),
        pytest.param(b'"a, ""b""",low,5more,2,big,high', PRICY_LABEL, id="quoted comma and quotes"),
        pytest.param(b'"low",low,"5more",more,big,"high"', CAR_LABEL, id="needless quotes"),
        pytest.param(MANY, MANY_LABELS, id="many rows"),
    ],
)
def test_records_are_answered_line_by_line(server: Server, body: bytes, expected: bytes) -> None:
    answer = server.ask(body)
    assert (answer.status, answer.body.removesuffix(b"\n")) == (200, expected)
    assert answer.headers["content-type"] == "text/csv"


def cells(*rows: bytes) -> list[list[str]]:
    return [row.decode().split(",") for row in rows]


@pytest.mark.parametrize(
    ("kind", "body", "labels"),
    [
        ("application/json", {"data": cells(CAR)[0]}, [CAR_LABEL]),
        ("application/json; charset=utf-8", {"data": cells(CAR)[0]}, [CAR_LABEL]),
        ("application/jsonlines", {"data": cells(CAR, PRICY)}, [CAR_LABEL, PRICY_LABEL]),
    ],
)
def test_json(server: Server, kind: str, body: object, labels: list[bytes]) -> None:
    answer = server.ask(json.dumps(body).encode(), {"content-type": kind})
    assert (answer.status, answer.body.split()) == (200, labels)


@pytest.mark.parametrize("content_type", ["text/csv", "TEXT/CSV", "text/csv; charset=utf-8"])
@pytest.mark.parametrize("accept", [None, "*/*", "text/csv"])
def test_content_types_that_are_taken(server: Server, content_type: str, accept: str | None) -> None:
    headers = {"content-type": content_type, **({"accept": accept} if accept else {})}
    assert server.ask(CAR, headers).status == 200


ROWS_AND_ONE = b"\n".join([CAR] * 700 + [b"low,low,5more,more,big,tiny"])

REFUSED = [
    pytest.param(
        b"low,low,5more,more,big,tiny",
        (400, "container-1", "stage index_safety", "'safety'", "row 1", "'tiny'", "'low', 'med', 'high'"),
        id="unseen category",
    ),
    pytest.param(
        CAR + b"\r\n" + "low,größte,5more,more,big,high".encode(),
        (400, "container-1", "stage index_maint", "'maint'", "row 2", "'größte'"),
        id="unseen, non-ASCII, second row",
    ),
    pytest.param(ROWS_AND_ONE, (400, "stage index_safety", "row 701", "'tiny'"), id="unseen, row 701"),
    pytest.param(
        b"low,low,5more", (400, "container-1", "row 1", "3 fields", "6 are expected", "buying"), id="too few"
    ),
    pytest.param(CAR + b",7", (400, "container-1", "row 1", "7 fields", "6 are expected"), id="too many"),
    pytest.param(CAR + b"\nlow\n" + CAR, (400, "row 2", "1 field", "6 are expected"), id="second row short"),
    pytest.param(b"\n", (400, "container-1", "no record"), id="only a line end"),
    pytest.param(b"\r\n\r\n", (400, "container-1", "no record"), id="only line ends"),
    pytest.param(b"low,\xff,2", (400, "container-1", "not UTF-8", "0xff", "position"), id="not UTF-8"),
    pytest.param(b'"low,low', (400, "container-1", "row 1", "no CSV", "quote"), id="open quote"),
]


@pytest.mark.parametrize(("body", "words"), REFUSED)
def test_bodies_that_are_refused(server: Server, body: bytes, words: tuple[int | str, ...]) -> None:
    status, *said = words
    answer = server.ask(body)
    assert answer.status == status
    assert [word for word in said if str(word) not in answer.text] == [], answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-skewless-container"] == "container-1"
    assert answer.text.endswith("\n")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data": [', "no JSON"),
        (b"{", "no JSON"),
        (b"null", 'no list under "data"'),
        (b'{"rows": []}', 'no list under "data"'),
        (b'{"data": {}}', 'no list under "data"'),
        (b'{"data": []}', "0 fields where 6 are expected"),
        (b'{"data": ["low"]}', "1 field where 6 are expected"),
        (
            b'{"data": ["low", "low", null, "more", "big", "high"]}',
            "the value is null; the fitted labels are",
        ),
        (b'{"data": ["low", "low", [1], "more", "big", "high"]}', "column 'doors'"),
        (b'{"data": [], "dada": 1}', "'dada'"),
        (b'{"data": [], "schema": 1}', "schema"),
        (b'{"data": [], "schema": {"input": []}}', "schema"),
        (b"\xff", "not UTF-8"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/jsonlines"])
def test_json_that_is_refused(server: Server, kind: str, body: bytes, said: str) -> None:
    answer = server.ask(body, {"content-type": kind})
    assert (answer.status, said in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("kind", ["text/csv", "application/json", "application/jsonlines"])
def test_no_body_has_no_answer(server: Server, kind: str) -> None:
    answer = server.ask(b"", {"content-type": kind})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-skewless-container"] == "container-1"


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"content-type": "image/png"}, 415, "'image/png' is not read here. Send one of: text/csv,"),
        ({"content-type": "csv"}, 415, "Send one of: text/csv"),
        ({"content-type": ""}, 415, "there is no content type"),
        ({}, 415, "there is no content type"),
        (
            {"content-type": "application/x-www-form-urlencoded"},
            415,
            "curl says that of itself; add: -H 'content-type: text/csv'",
        ),
        ({**CSV, "accept": "image/png"}, 400, "Use one of: text/csv"),
    ],
)
def test_types_that_are_refused(server: Server, headers: Headers, status: int, said: str) -> None:
    answer = server.ask(CAR, headers)
    assert (answer.status, said in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/invocation", 404),
        ("GET", "/invocations", 405),
        ("PUT", "/invocations", 405),
        ("POST", "/ping", 405),
        ("DELETE", "/execution-parameters", 405),
    ],
)
def test_other_routes_say_which_there_are(server: Server, method: str, path: str, status: int) -> None:
    answer = server.ask(b"", {}, method=method, path=path)
    assert answer.status == status
    assert f"no {method} {path} here. Use GET /ping, POST /invocations" in answer.text
    assert status != 405 or answer.headers["allow"]


def test_the_server_holds_no_heavy_library(server: Server) -> None:
    """After one row and many: pyarrow would bring pandas with its first array, where that is installed."""
    assert (server.ask(CAR).status, server.ask(MANY).status) == (200, 200)
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "/pyarrow/" in maps
    assert [name for name in ("pandas", "scipy", "sklearn", "pyspark") if f"/{name}/" in maps] == []
