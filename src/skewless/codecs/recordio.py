"""RecordIO-protobuf: MXNet's framing of records, and SageMaker's message of named tensors inside each.

A frame is the magic number, a length, and the data padded to four bytes; data that hold the magic number come in
parts. The message is ``Record``: two maps of named values, ``features`` and ``label``, whose tensors have ``values``,
and ``keys`` and a ``shape`` where they are sparse. Little-endian throughout, as protobuf is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.errors import BodyError, EmptyBody

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Integers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Message: TypeAlias = Mapping[int, list[Any]]
"""A protobuf message's fields by number: integers, or bytes for what has a length or is of fixed size."""

MAGIC: Final = (0xCED7230A).to_bytes(4, "little")
VALUES: Final = "values"
"""The name of the one feature, and of the label, that SageMaker's algorithms read."""

_LENGTH: Final = (1 << 29) - 1
_WHOLE, _BEGINS, _GOES_ON, _ENDS = range(4)
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

_FEATURES, _LABEL = 1, 2
_NUMBERS, _KEYS, _SHAPE = 1, 2, 3
_FLOATS, _DOUBLES, _INTEGERS, _BINARY = 2, 3, 7, 9
"""The field numbers of the messages Record, of a tensor and of Value."""
_WIDEST: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class Tensor:
    """A dense tensor, flat; or with ``keys`` a sparse one, whose other entries are absent."""

    values: np.ndarray[Any, np.dtype[Any]]
    keys: Integers | None = None
    shape: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """How many entries it has, present or not."""
        if self.keys is None:
            return len(self.values)
        return self.shape[-1] if self.shape else int(self.keys.max(initial=-1)) + 1


@dataclass(frozen=True, slots=True)
class Record:
    """One record's tensors by name."""

    features: Mapping[str, Tensor]
    labels: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examples:
    """Many records' features as the rows of a sparse matrix (CSR), an absent entry being missing, with their labels.

    ``dense`` tells that every entry of every row is there. ``labels`` is None where no record has one.
    """

    starts: Integers
    columns: np.ndarray[Any, np.dtype[np.int32]]
    values: Floats
    width: int
    labels: Floats | None
    dense: bool

    def __len__(self) -> int:
        return len(self.starts) - 1


def frames(body: bytes) -> Iterator[bytes]:
    """Every record's data. BodyError names the record, from 1, that is none."""
    at, number = 0, 1
    parts: list[bytes] = []
    while at < len(body):
        if body[at : at + 4] != MAGIC:
            raise BodyError("a record does not begin with RecordIO's magic number", row=number)
        header = int.from_bytes(body[at + 4 : at + 8], "little")
        part, length = header >> 29, header & _LENGTH
        end = at + 8 + length
        if at + 8 > len(body) or end > len(body):
            raise BodyError("the body ends within a record", row=number)
        if part > _ENDS or (part in (_WHOLE, _BEGINS)) == bool(parts):
            raise BodyError("a record's parts are out of order", row=number)
        parts.append(body[at + 8 : end])
        if part in (_WHOLE, _ENDS):
            yield MAGIC.join(parts)
            parts, number = [], number + 1
        at = end + (-length & 3)
    if parts:
        raise BodyError("the body ends within a record", row=number)


def read_records(body: bytes) -> Iterator[Record]:
    """Every record of a body. BodyError names the record that cannot be read."""
    for number, data in enumerate(frames(body), start=1):
        try:
            message = _message(data)
            yield Record(_tensors(message.get(_FEATURES, [])), _tensors(message.get(_LABEL, [])))
        except (ValueError, struct.error, UnicodeDecodeError) as error:
            raise BodyError(f"the record is no Record message: {error}", row=number) from None


def read_examples(body: bytes) -> Examples:
    """The features and labels named ``values`` of every record, as SageMaker's algorithms read them.

    BodyError names the record without them, of another width, or of another form than the first; EmptyBody.
    """
    tensors: list[Tensor] = []
    labels: list[float] = []
    for number, record in enumerate(read_records(body), start=1):
        tensors.append(_features(record, number, tensors[0] if tensors else None))
        label = record.labels.get(VALUES)
        if label is not None:
            if len(label.values) != 1:
                raise BodyError(f"the label has {len(label.values)} values, not one", row=number)
            labels.append(float(label.values[0]))
        if labels and len(labels) != number:
            raise BodyError("some records have a label, and some have none", row=number)
    if not tensors:
        raise EmptyBody("the body has no record")
    return _examples(tensors, np.array(labels, np.float32) if labels else None)


def write_records(records: Iterable[Record]) -> bytes:
    """Records as a body; data that hold the magic number where a reader would look for it are written in parts."""
    written: list[bytes] = []
    for record in records:
        data = _maps(_FEATURES, record.features) + _maps(_LABEL, record.labels)
        written.append(_framed(data))
    return b"".join(written)


def _features(record: Record, number: int, first: Tensor | None) -> Tensor:
    tensor = record.features.get(VALUES)
    if tensor is None:
        there = ", ".join(sorted(record.features)) or "none"
        raise BodyError(
            f"there is no feature named {VALUES!r}; there is {there[:80]}",
            row=number,
            hint=f"Write one tensor named {VALUES!r} for each record.",
        )
    if first is not None and (tensor.keys is None) != (first.keys is None):
        raise BodyError("the features are sparse in some records and dense in others", row=number)
    if first is not None and tensor.keys is None and len(tensor.values) != len(first.values):
        raise BodyError(
            f"there are {len(tensor.values)} features where the first record has {len(first.values)}",
            row=number,
        )
    return tensor


def _examples(tensors: list[Tensor], labels: Floats | None) -> Examples:
    counts = [len(tensor.values) for tensor in tensors]
    starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
    with np.errstate(
        over="ignore"
    ):  # too large becomes infinite, which whoever uses it refuses with its place
        values = np.concatenate([tensor.values for tensor in tensors]).astype(np.float32)
    dense = tensors[0].keys is None
    if dense:
        columns = np.tile(np.arange(counts[0], dtype=np.int32), len(tensors))
    else:
        columns = np.concatenate([tensor.keys for tensor in tensors]).astype(np.int32)
    return Examples(starts, columns, values, max(tensor.width for tensor in tensors), labels, dense)


def _tensors(entries: Iterable[Any]) -> dict[str, Tensor]:
    """A map's entries: field 1 is the key, field 2 the value."""
    made: dict[str, Tensor] = {}
    for entry in entries:
        pair = _message(_bytes(entry))
        name = _bytes(pair[1][-1]).decode() if 1 in pair else ""
        tensor = _tensor(_message(_bytes(pair[2][-1])) if 2 in pair else {})
        if tensor is not None:
            made[name] = tensor
    return made


def _tensor(value: Message) -> Tensor | None:
    """A Value's tensor; None for one of bytes, which no algorithm of numbers reads."""
    for number, size, kind in ((_FLOATS, 4, "<f4"), (_DOUBLES, 8, "<f8"), (_INTEGERS, 0, "<i4")):
        if number in value:
            message = _message(_bytes(value[number][-1]))
            found = message.get(_NUMBERS, [])
            values = _fixed(found, size, kind) if size else _varints(found).astype(np.int32)
            return _checked(values, _varints(message.get(_KEYS, [])), _varints(message.get(_SHAPE, [])))
    return None


def _checked(values: Any, keys: Integers, shape: Integers) -> Tensor:
    sizes = tuple(shape.tolist())
    if any(size < 0 or size >= _WIDEST for size in sizes):
        raise ValueError(f"its shape is {sizes}")
    if not len(keys) and (len(values) or not sizes):
        return Tensor(values, None, sizes)
    if len(keys) != len(values):
        raise ValueError(f"it has {len(keys)} keys for {len(values)} values")
    width = sizes[-1] if sizes else _WIDEST
    if len(keys) and (keys.min() < 0 or keys.max() >= width):
        raise ValueError(f"it has the key {keys.max()} where its width is {width}")
    if len(np.unique(keys)) != len(keys):
        raise ValueError("it has a key twice")
    return Tensor(values, keys, sizes)


def _bytes(given: Any) -> bytes:
    if not isinstance(given, bytes):
        raise ValueError("a message is of another type than expected")
    return given


def _fixed(found: list[Any], size: int, kind: str) -> Any:
    """Repeated numbers of fixed size, packed or one by one."""
    packed = b"".join(map(_bytes, found))
    if len(packed) % size:
        raise ValueError("its numbers end early")
    return np.frombuffer(packed, kind)


def _varints(found: list[Any]) -> Integers:
    """Repeated integers, packed or one by one."""
    made: list[int] = []
    for one in found:
        if isinstance(one, int):
            made.append(one)
            continue
        at = 0
        while at < len(one):
            number, at = _varint(one, at)
            made.append(number)
    # Negative ones are written as their 64-bit complement.
    return np.array(made, np.uint64).astype(np.int64)


def _message(data: bytes) -> Message:
    """The fields of a message. ValueError where it is none."""
    made: dict[int, list[Any]] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind in (_BYTES, _FOUR, _EIGHT):
            size = {_FOUR: 4, _EIGHT: 8}.get(kind, 0)
            if kind == _BYTES:
                size, at = _varint(data, at)
            if size > len(data) - at:
                raise ValueError("a field ends early")
            value = data[at : at + size]
            at += size
        else:
            raise ValueError(f"a field is of the unknown kind {kind}")
        if number == 0:
            raise ValueError("a field has the number 0")
        made.setdefault(number, []).append(value)
    return made


def _varint(data: bytes, at: int) -> tuple[int, int]:
    made = shift = 0
    for position in range(at, min(at + 10, len(data))):
        byte = data[position]
        made |= (byte & 0x7F) << shift
        if byte < 0x80:
            if made >> 64:
                break
            return made, position + 1
        shift += 7
    raise ValueError("a number ends early or is too long")


def _framed(data: bytes) -> bytes:
    """A record's frame, or frames: the magic number is taken out of data where it stands at a multiple of four."""
    parts, start = [], 0
    found = data.find(MAGIC)
    while found >= 0:
        if found % 4 == 0:
            parts.append(data[start:found])
            start = found + 4
        found = data.find(MAGIC, start if found % 4 == 0 else found + 1)
    parts.append(data[start:])
    last = len(parts) - 1
    kinds = [_WHOLE] if not last else [_BEGINS, *[_GOES_ON] * (last - 1), _ENDS]
    return b"".join(
        MAGIC + (kind << 29 | len(part)).to_bytes(4, "little") + part + bytes(-len(part) & 3)
        for kind, part in zip(kinds, parts, strict=True)
    )


def _maps(number: int, tensors: Mapping[str, Tensor]) -> bytes:
    entries = []
    for name, tensor in tensors.items():
        keys = b"" if tensor.keys is None else _packed(_KEYS, tensor.keys.tolist())
        shape = _packed(_SHAPE, tensor.shape) if tensor.shape else b""
        values = _field(_NUMBERS, tensor.values.astype("<f4").tobytes())
        value = _field(_FLOATS, values + keys + shape)
        entries.append(_field(number, _field(1, name.encode()) + _field(2, value)))
    return b"".join(entries)


def _packed(number: int, integers: Iterable[int]) -> bytes:
    return _field(number, b"".join(map(_as_varint, integers)))


def _field(number: int, data: bytes) -> bytes:
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(data)) + data


def _as_varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
