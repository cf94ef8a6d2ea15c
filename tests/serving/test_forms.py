"""Forms of heads: what has the form means to the parser what the form says, whatever a client sends."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skewless.serving.forms import ID, Differing, Form, Place

DIFFERING = Differing(
    {
        b"x-id": Place(ID),
        b"authorization": Place(b"[0-9a-f]{8}", behind=rb".* Signature="),
        b"x-date": Place(rb"\d{8}T\d{6}Z"),
    }
)
Headers = list[tuple[bytes, bytes]]
FIRST = (
    b"POST /invocations HTTP/1.1\r\nHost: here\r\nX-Id: 1.(a)+\r\ncontent-length: 3\r\nX-Date:20261123T000000Z\r\n"
    b"x-other: a  b\r\nAuthorization: V4 Names=x-date;host, Signature=01234567\r\n\r\n"
)


class Parsed:
    """What the parser makes of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.headers: Headers = []
        self.url = b""
        self.complete = 0
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.method = parser.get_method()
        self.keeps = parser.should_keep_alive()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete += 1


def form_of(head: bytes) -> Form | None:
    blank = DIFFERING.blank(head, Parsed(head).headers)
    return None if blank is None else DIFFERING.form(blank)


def known() -> Form:
    found = form_of(FIRST)
    assert found is not None
    return found


def expected(form: Form, data: bytes) -> Headers | None:
    """The headers that the form finds."""
    found = form.match(data)
    if found is None:
        return None
    here = dict(Parsed(FIRST).headers)
    for name, group in form.places.items():
        before = b"V4 Names=x-date;host, Signature=" if name == b"authorization" else b""
        here[name] = before + found[group]
    return list(here.items())


def test_what_differs_is_found() -> None:
    second = FIRST.replace(b"1.(a)+", b"~").replace(b": 3", b": 17").replace(b"01234567", b"89abcdef")
    form = known()
    found = form.match(second + b"body")
    assert found is not None
    assert found[form.size] == b"17"
    assert found.end() == len(second)
    assert expected(form, second) == Parsed(second).headers


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/invocations", b"/other"),
        (b"Host: here", b"Host: there"),
        (b"X-Id: 1.(a)+", b"X-Id: 1 2"),
        (b"X-Id: 1.(a)+", b"X-Id: "),
        (b"X-Id: 1.(a)+", b"X-Id: 1\r\nTransfer-Encoding: chunked"),
        (b"X-Id: 1.(a)+", b"X-Id: 1\r\n 2"),
        (b"X-Id: 1.(a)+", b"X-Id: 1\n"),
        (b"X-Id: 1.(a)+", b"X-Id: \xff"),
        (b": 3", b": 03"),
        (b": 3", b": +3"),
        (b": 3", b": 3, 3"),
        (b": 3", b": 123456789"),
        (b"01234567", b"0123456G"),
        (b"01234567", b"012345678"),
        (b"Names=x-date", b"Names=x-data"),
        (b"20261123T", b"2026112T"),
        (b"\r\n\r\n", b"\r\nx: y\r\n\r\n"),
    ],
)
def test_what_differs_elsewhere_has_another_form(old: bytes, new: bytes) -> None:
    assert old in FIRST
    assert known().match(FIRST.replace(old, new)) is None


@pytest.mark.parametrize(
    "head",
    [
        FIRST.replace(b"POST", b"PUT"),
        b"\r\n" + FIRST,
        FIRST.replace(b"x-other: a  b\r\n", b"x-other: a\r\nx-other: b\r\n"),
        FIRST.replace(b"x-other: a  b\r\n", b"x-other: a\r\n b\r\n"),
        FIRST.replace(b"content-length: 3\r\n", b""),
        FIRST.replace(b"a  b", b"y" * 2048),
    ],
)
def test_what_is_not_certain_has_no_form(head: bytes) -> None:
    try:
        headers = Parsed(head).headers
    except httptools.HttpParserError:
        headers = Parsed(FIRST).headers
    assert DIFFERING.blank(head, headers) is None


def test_the_parser_has_to_have_seen_the_same() -> None:
    headers = Parsed(FIRST).headers
    assert DIFFERING.blank(FIRST, headers[:-1]) is None
    assert DIFFERING.blank(FIRST.replace(b"a  b", b"a\0b"), headers) is None
    swapped = [*headers[2:], *headers[:2]]
    assert DIFFERING.blank(FIRST, swapped) is None  # not even the size stands where it says


BYTES = st.sampled_from(
    [b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"0", b"a", b"~", b"\x7f", b"\xc3", b"\0", b","]
)


@given(
    st.lists(
        st.tuples(st.integers(0, len(FIRST)), st.integers(0, 3), st.lists(BYTES, max_size=3).map(b"".join)),
        max_size=3,
    )
)
@example([(FIRST.index(b"(a)"), 1, b"0")])
@example([(FIRST.index(b": 3") + 3, 0, b"0")])
def test_a_head_that_has_the_form_means_what_it_says(edits: list[tuple[int, int, bytes]]) -> None:
    data = FIRST
    for place, length, new in edits:
        data = data[:place] + new + data[place + length :]
    form = known()
    found = expected(form, data)
    if found is not None:
        parsed = Parsed(data)
        assert (parsed.headers, parsed.url, parsed.complete) == (found, b"/invocations", 1)
        assert (parsed.method, parsed.keeps) == (b"POST", True)
