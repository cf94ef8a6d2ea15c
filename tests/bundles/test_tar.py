"""The tar reader against archives of the standard library, and headers made to harm."""

from __future__ import annotations

import io
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.bundles import tar


def packed(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    found = {}
    for member in tar.members(io.BytesIO(data).read):
        assert member.fault is None
        content = b""
        while not member.is_folder and (chunk := member.read(100)):
            content += chunk
        found[member.name] = content
    return found


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_all_forms(form: int) -> None:
    long = "root/" + "x" * 100 + ".node/" + "y" * 60 + ".node/model.json"
    folder = tarfile.TarInfo("root")
    folder.type = tarfile.DIRTYPE
    files = {"bundle.json": b"{}", long: b"a" * 1000, "empty": b"", "größe/ö": b"b" * 512}
    data = packed(
        (folder, b""), *((tarfile.TarInfo(name), content) for name, content in files.items()), form=form
    )
    assert unpacked(data) == {"root/": b"", **files}


def test_members_may_be_left_unread() -> None:
    data = packed((tarfile.TarInfo("a"), b"x" * 5000), (tarfile.TarInfo("b"), b"y"))
    assert [member.name for member in tar.members(io.BytesIO(data).read)] == ["a", "b"]


@pytest.mark.parametrize(
    ("flag", "fault"),
    [
        (tarfile.LNKTYPE, "it is a hard link"),
        (tarfile.SYMTYPE, "it is a symbolic link"),
        (tarfile.CHRTYPE, "it is a character device"),
        (tarfile.BLKTYPE, "it is a block device"),
        (tarfile.FIFOTYPE, "it is a named pipe"),
        (tarfile.GNUTYPE_SPARSE, "it is a sparse file"),
        (b"V", "it is of the unknown type b'V'"),
    ],
)
def test_what_is_no_file_says_so(flag: bytes, fault: str) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.linkname = flag, "/etc/passwd"
    (member,) = tar.members(io.BytesIO(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)).read)
    assert member.fault == fault


def test_sparse_by_pax() -> None:
    info = tarfile.TarInfo("x")
    info.pax_headers = {"GNU.sparse.realsize": "9" * 15}
    (member,) = tar.members(io.BytesIO(packed((info, b""))).read)
    assert member.fault == "it is a sparse file"


def block(flag: bytes, size: bytes = b"0" * 11, name: bytes = b"x") -> bytes:
    """A header with a right checksum and any size field."""
    header = bytearray(512)
    header[: len(name)] = name
    header[124 : 124 + len(size)] = size
    header[156:157] = flag
    header[148:156] = b" " * 8
    header[148:155] = b"%06o\0" % sum(header)
    return bytes(header)


def pax(body: bytes, flag: bytes = b"x") -> bytes:
    return block(flag, b"%011o" % len(body)) + body + bytes(-len(body) % 512)


END = bytes(1024)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends too early"),
        (b"x" * 512, "checksum"),
        (block(b"0")[:511], "ends too early"),
        (block(b"0", b"%011o" % 1), "ends too early"),
        (block(b"0", b"%011o" % 1) + b"x" * 512, "ends too early"),
        (block(b"0", b"-0000000001") + END, "malformed"),
        (block(b"0", b"0o000000001") + END, "malformed"),
        (block(b"0", b"00000000009") + END, "invalid literal"),
        (block(b"0", b"\xff" * 12) + END, "malformed"),
        (block(b"0", b"\x80" + b"\xff" * 11) + END, "ends too early"),
        (block(b"x", b"\x80" + b"\xff" * 11) + END, "a header has"),
        (block(b"L", b"%011o" % (2 << 20)) + END, "a header has"),
        (pax(b"abc") + END, "pax header is malformed"),
        (pax(b"1 a=b\n") + END, "pax header is malformed"),
        (pax(b"99 a=b\n") + END, "pax header is malformed"),
        (pax(b"6 a=bc") + END, "pax header is malformed"),
        (pax(b"5 ab\n") + END, "pax header is malformed"),
        (pax(b"-6 a=b\n") + END, "malformed"),
        (pax(b"10 size=-\n") + END, "number is malformed"),
        (pax(b"27 size=123456789012345678901\n") + END, "malformed"),
        (pax(b"9 path=y\n", b"g") + END, "global header"),
        (block(b"0", name=b"\xff") + END, "utf-8"),
    ],
)
def test_damage(data: bytes, message: str) -> None:
    with pytest.raises((ValueError, EOFError), match=message):
        unpacked(data)


def test_pax_overrides() -> None:
    data = (
        pax(b"9 path=y\n")
        + pax(b"13 comment=x\n", b"g")
        + block(b"0", b"%011o" % 1)
        + b"a"
        + bytes(511)
        + END
    )
    assert unpacked(data) == {"y": b"a"}
    data = pax(b"9 size=2\n") + block(b"0", b"%011o" % 1) + b"ab" + bytes(510) + END
    assert unpacked(data) == {"x": b"ab"}


def test_prefix_belongs_to_posix_headers_only() -> None:
    header = bytearray(block(b"0"))
    header[345:348] = b"dir"
    for magic, name in ((b"ustar\x0000", "dir/x"), (b"ustar  \0", "x")):
        header[257:265] = magic
        header[148:156] = b" " * 8
        header[148:155] = b"%06o\0" % sum(header)
        assert unpacked(bytes(header) + END) == {name: b""}


def test_headers_that_keep_other_readers_busy() -> None:
    """CVE-2024-6232: a pax header of digits. CVE-2025-8194: a size below zero."""
    started = time.monotonic()
    with pytest.raises(ValueError, match="malformed"):
        unpacked(pax(b"1" * 1_000_000) + END)
    with pytest.raises(ValueError, match="malformed"):
        unpacked(block(b"1", b"\xff" * 11 + b"\x00") + END)
    assert time.monotonic() - started < 5


SAMPLE = packed((tarfile.TarInfo("a"), b"x" * 600), (tarfile.TarInfo("ü" * 60), b"y"))


@settings(max_examples=200)
@given(st.lists(st.integers(0, len(SAMPLE) * 8 - 1), min_size=1, max_size=4))
def test_flipped_bits_give_damage_or_members(bits: list[int]) -> None:
    data = bytearray(SAMPLE)
    for bit in bits:
        data[bit // 8] ^= 1 << (bit % 8)
    try:
        for member in tar.members(io.BytesIO(bytes(data)).read):
            member.read(10)
    except (ValueError, EOFError):
        pass
