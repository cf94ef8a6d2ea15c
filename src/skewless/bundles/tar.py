"""A tar archive read front to back: ustar, GNU long names and pax, and nothing that only looks like a file.

Not the standard library's reader: on Python versions we support, crafted headers keep it busy without end
(CVE-2024-6232, CVE-2025-8194), and a pax header makes it allocate whatever size is announced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from skewless.bundles.members import CHUNK, Read

BLOCK: Final = 512
LONGEST_HEADER: Final = 1 << 20

_FILES: Final = (b"0", b"\0", b"7")
_FOLDER: Final = b"5"
_LONG_NAME: Final = b"L"
_LONG_LINK: Final = b"K"
_PAX: Final = b"x"
_PAX_GLOBAL: Final = b"g"
_KINDS: Final = {
    b"1": "it is a hard link",
    b"2": "it is a symbolic link",
    b"3": "it is a character device",
    b"4": "it is a block device",
    b"6": "it is a named pipe",
    b"S": "it is a sparse file",
}


@dataclass(slots=True)
class Member:
    """One member. ``fault`` says why it is neither file nor folder; ``read`` gives a file's bytes."""

    name: str
    is_folder: bool
    fault: str | None
    read: Read


@dataclass(slots=True)
class _Extra:
    """What headers before a member say about it."""

    name: bytes | None = None
    size: int | None = None
    sparse: bool = field(default=False)


def is_header(block: bytes) -> bool:
    """Whether a block is the header of a member: its checksum tells."""
    try:
        return len(block) == BLOCK and _number(block[148:156]) in _checksums(block)
    except ValueError:
        return False


def members(read: Read) -> Iterator[Member]:
    """The members in order; each must be read, or left, before the next is asked for.

    ValueError or EOFError says what is damaged. An archive without its end mark was cut short.
    """
    extra = _Extra()
    while True:
        block = _exactly(read, BLOCK)
        if not block.strip(b"\0"):
            break
        if not is_header(block):
            raise ValueError("a header's checksum is wrong")
        flag, size = block[156:157], _number(block[124:136])
        if flag in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            _take_extra(extra, flag, _header_data(read, size))
            continue
        data = _Data(read, size if extra.size is None else extra.size)
        yield _member(block, flag, extra, data)
        data.skip()
        extra = _Extra()
    while read(CHUNK):  # padding; also lets a compressed stream check its own sum
        pass


class _Data:
    """The bytes of one member, then its padding."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self.size = self._left = size

    def read(self, most: int) -> bytes:
        chunk = _exactly(self._read, min(most, self._left, CHUNK))
        self._left -= len(chunk)
        return chunk

    def skip(self) -> None:
        while self._left:
            self.read(CHUNK)
        _exactly(self._read, -self.size % BLOCK)


def _member(block: bytes, flag: bytes, extra: _Extra, data: _Data) -> Member:
    name = (extra.name if extra.name is not None else _name(block)).decode()
    is_folder = flag == _FOLDER or (flag in _FILES and name.endswith("/"))
    fault = None
    if extra.sparse:
        fault = _KINDS[b"S"]
    elif flag != _FOLDER and flag not in _FILES:
        fault = _KINDS.get(flag, f"it is of the unknown type {flag!r}")
    elif is_folder and data.size:
        fault = "it is a folder that holds bytes"
    return Member(name, is_folder, fault, data.read)


def _name(block: bytes) -> bytes:
    name, prefix = _text(block[:100]), b""
    if block[257:263] == b"ustar\0":  # GNU's older headers keep times where POSIX keeps the prefix
        prefix = _text(block[345:500])
    return prefix + b"/" + name if prefix else name


def _header_data(read: Read, size: int) -> bytes:
    if size > LONGEST_HEADER:
        raise ValueError(f"a header has {size} bytes")
    data = _exactly(read, size)
    _exactly(read, -size % BLOCK)
    return data


def _take_extra(extra: _Extra, flag: bytes, data: bytes) -> None:
    if flag == _LONG_NAME:
        extra.name = _text(data)
    elif flag in (_PAX, _PAX_GLOBAL):
        records = dict(_records(data))
        telling = {key for key in records if key in (b"path", b"size") or key.startswith(b"GNU.sparse.")}
        if flag == _PAX_GLOBAL and telling:
            raise ValueError("a global header names or sizes every member")
        extra.name = records.get(b"path", extra.name)
        if b"size" in records:
            extra.size = _decimal(records[b"size"])
        extra.sparse |= any(key.startswith(b"GNU.sparse.") for key in telling)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Records ``length key=value newline``, where the length counts itself."""
    position = 0
    while position < len(data):
        space = data.find(b" ", position, position + 20)
        end = position + _decimal(data[position:space]) if space > position else 0
        if not space < end <= len(data) or data[end - 1 : end] != b"\n":
            raise ValueError("a pax header is malformed")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise ValueError("a pax header is malformed")
        yield key, value
        position = end


def _exactly(read: Read, size: int) -> bytes:
    data = read(size) if size else b""
    if len(data) != size:
        raise EOFError("it ends too early")
    return data


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 20:
        raise ValueError("a header's number is malformed")
    return int(digits)


def _number(field: bytes) -> int:
    """Octal digits, or GNU's big-endian binary marked by the first bit."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = _text(field).strip(b" ")
    if digits and not digits.isdigit():
        raise ValueError("a header's number is malformed")
    return int(digits, 8) if digits else 0


def _checksums(block: bytes) -> tuple[int, int]:
    """The sum over a header with its own field blank, of unsigned and (as some old programs made it) signed bytes."""
    summed = block[:148] + b" " * 8 + block[156:]
    unsigned = sum(summed)
    return unsigned, unsigned - 256 * sum(byte > 127 for byte in summed)
