"""An invocation that its connection answers is answered as the application answers it, byte for byte."""

from __future__ import annotations

import gc
import hashlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.ways import ENDPOINT, Ways, answer, invocation, signed, text, ways
from tests.counting import uncollected
from tests.fronts import ACCESS_KEY
from tests.gateways import until
from tests.planes import plane

CALLS = 80
"""Python's functions that the gateway may call for one invocation, on average."""
PATH = f"/endpoints/{ENDPOINT}/invocations"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    folder = tmp_path_factory.mktemp("w")
    with plane(folder) as made, ways(made, folder) as found:
        yield found


def comparable(told: bytes) -> bytes:
    """An answer without what differs from one to the next: its time, its id."""
    told = re.sub(rb"\r\ndate: [^\r]+", b"\r\ndate: now", told)
    return re.sub(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", b"its id", told)


def same(both: Ways, *parts: bytes) -> bytes:
    """What both ways answer."""
    short, long = (both.said(way, *parts) for way in (0, 1))
    assert comparable(short) == comparable(long)
    return short


BODIES = [
    b"200 vgood",
    b"200 ",
    b"",
    b"207 three rows",
    b"200 " + b"a" * 70_000,
    b"200 \xff\xfe\x00",
    b"400 too low",
    b"404 ",
    b"500 \xff\xfe",
    b"503 not now",
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:12].decode("latin-1"))
def test_what_an_instance_says(both: Ways, body: bytes) -> None:
    before = both.shortcut.taken
    told = same(both, invocation(body, Accept="application/json"))
    assert both.shortcut.taken == before + (len(body) < 65536)
    ok = body[:1] not in (b"4", b"5")
    assert told.startswith(b"HTTP/1.1 200 " if ok else b"HTTP/1.1 424 ")
    assert told.endswith(body.partition(b" ")[2]) or not ok


@pytest.mark.parametrize("body", [b"leaves", b"stutters", b"controls"])
def test_an_instance_that_gives_no_answer(both: Ways, body: bytes) -> None:
    """It is asked twice, on whichever way, and then the client is told."""
    told = same(both, invocation(body))
    assert told.startswith(b"HTTP/1.1 424 ")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["OriginalStatusCode"] == 0


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("X-Amzn-SageMaker-Target-Variant", "idle", 200),
        ("X-Amzn-SageMaker-Target-Variant", "nobody", 400),
        ("X-Amzn-SageMaker-Target-Container-Hostname", "first", 400),
        ("X-Amzn-SageMaker-Target-Model", "a.tar.gz", 400),
        ("X-Amzn-SageMaker-Session-Id", "NEW_SESSION", 400),
        ("X-Amzn-SageMaker-Custom-Attributes", "trace=a; b", 200),
        ("X-Amzn-SageMaker-Inference-Id", "mine", 200),
        ("Connection", "close", 200),
        ("Accept", "application/json; q=1, text/csv", 200),
    ],
)
def test_what_a_request_may_ask_for(both: Ways, name: str, value: str, status: int) -> None:
    assert same(both, invocation(b"200 fine", **{name: value})).startswith(b"HTTP/1.1 %d " % status)


def changed(headers: dict[str, str], **others: str | None) -> dict[str, str]:
    """With other headers than were signed; None leaves one out."""
    given = {name.replace("_", "-"): value for name, value in others.items()}
    kept = {name: value for name, value in headers.items() if name not in given}
    return kept | {name: value for name, value in given.items() if value is not None}


BODY = b"200 fine"
GOOD = {"Content-Type": "text/csv"}
UNUSUAL: dict[str, Any] = {
    "no signature": lambda: text(changed(signed(BODY, GOOD), Authorization=None), BODY),
    "another body": lambda: text(signed(b"200 Fine", GOOD), BODY),
    "another key": lambda: text(
        changed(
            (headers := signed(BODY, GOOD)), Authorization=headers["Authorization"].replace("AKIA", "AKIB")
        ),
        BODY,
    ),
    "another day": lambda: text(changed(signed(BODY, GOOD), **{"X-Amz-Date": "20200101T000000Z"}), BODY),
    "another service": lambda: text(signed(BODY, GOOD, service="glue"), BODY),
    "a header that is not signed": lambda: text(signed(BODY, GOOD) | {"x-amz-meta": "1"}, BODY),
    "a target": lambda: text(signed(BODY, GOOD | {"X-Amz-Target": "SageMaker.ListModels"}), BODY),
    "another endpoint": lambda: text(
        signed(BODY, GOOD, "/endpoints/b/invocations"), BODY, "/endpoints/b/invocations"
    ),
    "no endpoint": lambda: text(
        signed(BODY, GOOD, "/endpoints/-/invocations"), BODY, "/endpoints/-/invocations"
    ),
    "an asynchronous one": lambda: text(
        signed(BODY, GOOD, "/endpoints/b/async-invocations"), BODY, "/endpoints/b/async-invocations"
    ),
    "a query": lambda: text(signed(BODY, GOOD, f"{PATH}?a=b"), BODY, f"{PATH}?a=b"),
    "an escaped path": lambda: text(
        signed(BODY, GOOD, "/endpoints/c%61rs/invocations"), BODY, "/endpoints/c%61rs/invocations"
    ),
    "an older HTTP": lambda: text(signed(BODY, GOOD), BODY, version="1.0"),
    "chunks": lambda: text(
        changed(signed(BODY, GOOD), **{"Content-Length": None, "Transfer-Encoding": "chunked"}),
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    ),
    "a question first": lambda: text(signed(BODY, GOOD) | {"Expect": "100-continue"}, BODY),
    "another protocol": lambda: text(signed(BODY, GOOD) | {"Connection": "Upgrade", "Upgrade": "h2c"}, BODY),
    "a header twice": lambda: text(signed(BODY, GOOD) | {"content-type": "text/csv"}, BODY),
    "another method": lambda: text(signed(BODY, GOOD), BODY).replace(b"POST", b"PUT", 1),
    "too long": lambda: text(signed(b"a" * (1 << 20) + b"b", GOOD), b"a" * (1 << 20) + b"b"),
}


@pytest.mark.parametrize("make", UNUSUAL.values(), ids=list(UNUSUAL))
def test_what_is_unusual_or_amiss(both: Ways, make: Any) -> None:
    assert same(both, make()).startswith(b"HTTP/1.1 ")
    same_after_its_like(both, make())


SDK = {
    "Content-Type": "text/csv",
    "User-Agent": "Boto3/1.40 md/%s",
    "amz-sdk-invocation-id": "6f1c0c2e",
    "amz-sdk-request": "attempt=1",
}


@contextmanager
def familiar(both: Ways, headers: dict[str, str], way: int = 0) -> Iterator[socket.socket]:
    """A connection that has had requests with these headers; on the short way it knows their form."""
    with both.connect(way) as client:
        for number in range(3):
            client.sendall(invocation(b"200 before %d" % number, **headers))
            assert answer(client).endswith(b"before %d" % number)
        yield client


def same_after_its_like(both: Ways, sent: bytes, headers: dict[str, str] = GOOD) -> bytes:
    """What both ways answer to a request, after others like it on the same connection."""
    told = []
    for way in (0, 1):
        with familiar(both, headers, way) as client:
            with suppress(ConnectionError):
                client.sendall(sent)
            told.append(answer(client))
    assert comparable(told[0]) == comparable(told[1])
    return told[0]


@pytest.mark.parametrize("headers", [GOOD, SDK, {}], ids=["signer", "sdk", "none"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body[:12].decode("latin-1"))
def test_requests_alike_are_taken_by_their_form(both: Ways, body: bytes, headers: dict[str, str]) -> None:
    before = both.shortcut.again_taken
    sent = invocation(body, **headers | ({"amz-sdk-invocation-id": "7/8.(9)"} if headers is SDK else {}))
    assert same_after_its_like(both, sent, headers).startswith(b"HTTP/1.1 ")
    assert both.shortcut.again_taken - before == (len(body) < 60_000)


AMISS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "another signature": lambda given: changed(
        given, Authorization=given["Authorization"][:-64] + given["Authorization"][-64:][::-1]
    ),
    "another second": lambda given: changed(given, **{"X-Amz-Date": given["X-Amz-Date"][:-2] + "Z"}),
    "no time": lambda given: changed(given, **{"X-Amz-Date": given["X-Amz-Date"][:9] + "996199Z"}),
    "another day": lambda given: changed(given, **{"X-Amz-Date": "2020" + given["X-Amz-Date"][4:]}),
    "another type": lambda given: changed(given, **{"Content-Type": "text/CSV"}),
    "another host": lambda given: changed(given, Host="gateway2"),
    "a shorter body": lambda given: changed(given, **{"Content-Length": str(len(BODY) - 1)}),
}


@pytest.mark.parametrize("change", AMISS.values(), ids=list(AMISS))
def test_a_request_alike_is_verified_like_any_other(both: Ways, change: Any) -> None:
    told = same_after_its_like(both, text(change(signed(BODY, GOOD)), BODY))
    assert told.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 ")), told


def test_a_key_that_is_taken_away_signs_nothing_more(both: Ways) -> None:
    with familiar(both, GOOD) as client:
        secret = both.keys.pop(ACCESS_KEY)
        try:
            client.sendall(invocation(BODY, **GOOD))
            assert answer(client).startswith(b"HTTP/1.1 403 ")
        finally:
            both.keys[ACCESS_KEY] = secret


@pytest.mark.parametrize("said", [b"200 good", b"200 Good"], ids=["right", "wrong"])
def test_a_sum_that_the_head_tells_is_compared(both: Ways, said: bytes) -> None:
    def sent(body: bytes, said: bytes) -> bytes:
        return text(signed(body, GOOD | {"X-Amz-Content-SHA256": hashlib.sha256(said).hexdigest()}), body)

    with both.connect(0) as client:
        for body in (b"200 a", b"200 b", b"200 c"):
            client.sendall(sent(body, body))
            assert answer(client).startswith(b"HTTP/1.1 200 ")
        client.sendall(sent(b"200 good", said))
        told = answer(client)
    assert comparable(told) == comparable(both.said(1, sent(b"200 good", said)))
    assert told.startswith(b"HTTP/1.1 200 ") == (said == b"200 good")


def test_an_old_request_sent_again_is_refused(both: Ways) -> None:
    old = invocation(BODY, **GOOD)
    with familiar(both, GOOD) as client:
        both.ahead = 16 * 60
        try:
            client.sendall(old)
            assert b"Signature expired" in answer(client)
        finally:
            both.ahead = 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.sampled_from(BODIES), st.binary(max_size=40).map(lambda rest: b"200 " + rest)),
    headers=st.dictionaries(
        st.sampled_from(
            [
                "Accept",
                "Content-Type",
                "X-Amzn-SageMaker-Custom-Attributes",
                "X-Amzn-SageMaker-Inference-Id",
                "X-Amzn-SageMaker-Target-Variant",
                "Traceparent",
                "X-Amz-Meta-A",
                "Connection",
            ]
        ),
        st.text("ab/;, =-\xe9\xff09", min_size=1, max_size=12).map(str.strip).filter(bool),
    ),
    cuts=st.lists(st.integers(1, 900), max_size=3),
    garble=st.one_of(st.none(), st.integers(0, 700)),
)
def test_any_request(
    both: Ways, body: bytes, headers: dict[str, str], cuts: list[int], garble: int | None
) -> None:
    sent = invocation(body, **headers)
    if garble is not None and garble < sent.index(b"\r\n\r\n"):
        sent = sent[:garble] + bytes([sent[garble] ^ 1]) + sent[garble + 1 :]
    parts = [sent[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), len(sent)], strict=True)]
    if b"\r\n\r\n" in sent and re.search(rb"(?i)\r\ncontent-length: %d\r\n" % len(body), sent):
        same(both, *parts)
        same_after_its_like(both, sent)


def test_cut_anywhere_it_says_the_same(both: Ways) -> None:
    """On one connection, which is kept."""
    sent = invocation(b"200 fine")
    whole = comparable(both.said(1, sent))
    with both.connect(0) as client:
        for cut in range(1, len(sent), 3):
            client.sendall(sent[:cut])
            client.sendall(sent[cut:])
            assert comparable(answer(client)) == whole


def test_requests_without_a_pause_are_answered_in_their_order(both: Ways) -> None:
    numbers = [b"200 %05d" % number for number in range(40)]
    with both.connect(0) as client:
        client.sendall(b"".join(invocation(number) for number in numbers))
        told = b""
        while told.count(b"HTTP/1.1 200 ") < 40 or not told.endswith(b"00039"):
            part = client.recv(1 << 16)
            assert part, told[-500:]
            told += part
    assert re.findall(rb"\r\n\r\n(\d{5})", told) == [number[4:] for number in numbers]


def test_a_client_that_does_not_read_gets_all_once_it_does(both: Ways) -> None:
    """More than fits into the sockets on its way: answers wait for the client, in their order."""
    bodies = [b"200 " + b"%04d " % number * 12_000 for number in range(100)]

    def send(client: socket.socket) -> None:
        for body in bodies:
            client.sendall(invocation(body))

    with both.connect(0) as client:
        sending = threading.Thread(target=send, args=(client,))
        sending.start()
        served: set[Any] = both.servers[0].server_state.connections
        until(lambda: any(connection.flow.write_paused for connection in list(served)))
        told = b""
        while told.count(b"HTTP/1.1 200 ") < len(bodies) or not told.endswith(bodies[-1][4:]):
            part = client.recv(1 << 20)
            assert part
            told += part
        sending.join(30)
    assert re.sub(rb"HTTP/1.1 200.*?\r\n\r\n", b"", told, flags=re.DOTALL) == b"".join(b[4:] for b in bodies)


def test_a_client_that_goes_away_harms_nobody(both: Ways) -> None:
    for _ in range(20):
        with both.connect(0) as client:
            client.sendall(invocation(b"200 unread"))
    assert same(both, invocation(b"200 read")).endswith(b"read")


def test_what_goes_wrong_in_us_is_told_so(
    both: Ways, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(both.invocations.meters, "count", breaks)
    told = same(both, invocation(b"200 fine"))
    assert told.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in told
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_an_endpoint_that_is_leaving_takes_no_more(both: Ways) -> None:
    assert same(both, invocation(b"200 fine")).startswith(b"HTTP/1.1 200 ")
    both.endpoints.leave(ENDPOINT)
    try:
        told = same(both, invocation(b"200 fine"))
        assert told.startswith(b"HTTP/1.1 400 ")
        assert b"Endpoint cars of account 000000000000 not found" in told
    finally:
        both.here(lambda: both.endpoints._leaving.discard(ENDPOINT))
    assert same(both, invocation(b"200 fine")).startswith(b"HTTP/1.1 200 ")


def test_both_ways_are_counted(both: Ways) -> None:
    def counted() -> float:
        families = {family.name: family for family in both.invocations.meters.families()}
        found = families["skewless_endpoint_invocations"].values
        return sum(float(str(found[key])) for key in found if key[0] == ENDPOINT)

    before = counted()
    for _ in range(30):
        same(both, invocation(b"200 fine"))
        same(both, invocation(b"400 wrong"))
    same(both, invocation(b"leaves"))
    assert counted() - before == 2 * 61


def test_few_functions_are_called_for_one(both: Ways) -> None:
    """What a request costs shows in how many functions of Python it calls, whatever else the machine does."""
    sent = invocation(b"200 fine", Accept="text/csv")
    number, calls = 640, 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    with both.connect(0) as client:

        def ask(times: int) -> None:
            for _ in range(times):
                client.sendall(sent)
                assert answer(client).endswith(b"fine")

        ask(200)
        taken = both.shortcut.taken
        with uncollected():
            both.here(lambda: sys.setprofile(count))
            ask(number)
            both.here(lambda: sys.setprofile(None))
        assert both.shortcut.taken == taken + number
        assert calls / number <= CALLS
        # Nothing is left behind by those that are over.
        gc.collect()
        before = len(gc.get_objects())
        ask(number)
        gc.collect()
        assert len(gc.get_objects()) - before < number / 2
