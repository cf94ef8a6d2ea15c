"""Log groups and their streams, kept as append-only files that a person can read too."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from skewless.telemetry.stream import Event, State, StreamFiles

MAX_MESSAGE: Final = (256 << 10) - 26
"""Bytes of UTF-8 that one message may have: CloudWatch's 256 KiB less the 26 that it counts for each event."""
MAX_OPEN: Final = 64
MAX_STREAM: Final = 64 << 20


def _now() -> int:
    return time.time_ns() // 1_000_000


class Named(msgspec.Struct):
    """What the folder of a group or a stream says of itself; its own name is cut and cannot be read back."""

    name: str
    created: int


@dataclass(slots=True, eq=False)
class LogStream:
    """One stream. What it holds is read through ``pages``; only its store writes it."""

    name: str
    created: int
    files: StreamFiles
    lock: threading.RLock
    """Its store's."""
    state: State | None = None
    lost: int = 0
    """Lines that could not be written and of which the stream does not tell yet."""
    descriptor: int | None = None
    """The newest segment's file, while it is open."""
    room: int = 0
    """Bytes that it still takes."""

    @property
    def last(self) -> State:
        """The newest time and the last arrival."""
        if self.state is None:
            with self.lock:  # nobody writes while the last line is read
                if self.state is None:
                    self.state = self.files.state()
        return self.state

    @property
    def first_time(self) -> int | None:
        """The time of the oldest line, in milliseconds."""
        return next((event.time for event in self.files.events(0)), None)

    def events(self, start: int | None, end: int | None, after: int = 0) -> Iterator[Event]:
        """Events from position ``after`` on whose time is at or after ``start`` and before ``end``."""
        low, high = self._range(start, end)
        for event in self.files.events(max(low, after)):
            if event.end > high:
                return
            if _within(event, start, end):
                yield event

    def events_before(self, start: int | None, end: int | None, before: int) -> Iterator[Event]:
        """The same, newest first, from position ``before`` back."""
        low, high = self._range(start, end)
        position, count = min(before, high), 50
        while position > low:
            block = self.files.before(position, count)
            if not block:
                return
            for event in reversed(block):
                if event.position < low:
                    return
                if _within(event, start, end):
                    yield event
            position, count = block[0].position, min(count * 2, 1000)

    def _range(self, start: int | None, end: int | None) -> tuple[int, int]:
        files = self.files
        low = files.begin if start is None else files.seek(start)
        high = files.end if end is None else files.seek(end + self.last.late)
        return low, high


@dataclass(slots=True)
class LogGroup:
    """A group and its streams by name."""

    name: str
    created: int
    folder: Path
    streams: dict[str, LogStream] = field(default_factory=dict)


class LogStore:
    """All log groups below a folder, which belongs to one process at a time. Threads may share it.

    Lines go to the file at once and unbuffered: a reader sees them immediately, and a killed process loses none that
    ``write`` returned from. Nobody waits for the disk itself, so a power cut may lose the newest.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_stream: int = MAX_STREAM,
        max_open: int = MAX_OPEN,
        now: Callable[[], int] = _now,
    ) -> None:
        """``max_stream``: bytes that a stream may have on disk; then the older half goes. ``now``: milliseconds."""
        self.folder = folder
        self.max_stream = max_stream
        self.max_open = max_open
        self.now = now
        self._lock = threading.RLock()
        self._open: OrderedDict[LogStream, None] = OrderedDict()
        self._groups: dict[str, LogGroup] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._find()

    # --- what there is -------------------------------------------------------------------------------------------

    def groups(self) -> list[LogGroup]:
        """All groups, by name."""
        with self._lock:
            return sorted(self._groups.values(), key=lambda group: group.name)

    def group(self, name: str) -> LogGroup | None:
        """The group of that name."""
        return self._groups.get(name)

    def streams(self, group: str) -> list[LogStream]:
        """All streams of a group, by name; none when the group does not exist."""
        with self._lock:
            found = self._groups.get(group)
            return sorted(found.streams.values(), key=lambda stream: stream.name) if found else []

    def stream(self, group: str, name: str) -> LogStream | None:
        """The stream of that name."""
        found = self._groups.get(group)
        return found.streams.get(name) if found else None

    def create_group(self, name: str) -> bool:
        """Make a group; False when there is one already."""
        with self._lock:
            if name in self._groups:
                return False
            group = LogGroup(name, self.now(), self.folder / _folder_name(name))
            _describe(group.folder, "group.json", name, group.created)
            self._groups[name] = group
            return True

    def create_stream(self, group: str, name: str) -> bool:
        """Make a stream, and its group if need be; False when there is one already."""
        with self._lock:
            self.create_group(group)
            parent = self._groups[group]
            if name in parent.streams:
                return False
            folder = parent.folder / _folder_name(name)
            created = self.now()
            _describe(folder, "stream.json", name, created)
            parent.streams[name] = LogStream(name, created, StreamFiles(folder), self._lock, State())
            return True

    def delete_group(self, name: str) -> bool:
        """Remove a group with all its streams; False when there is none."""
        with self._lock:
            group = self._groups.pop(name, None)
            if group is None:
                return False
            for stream in group.streams.values():
                self._close(stream)
            shutil.rmtree(group.folder, ignore_errors=True)
            return True

    def delete_stream(self, group: str, name: str) -> bool:
        """Remove a stream; False when there is none."""
        with self._lock:
            parent = self._groups.get(group)
            stream = parent.streams.pop(name, None) if parent else None
            if stream is None:
                return False
            self._close(stream)
            shutil.rmtree(stream.files.folder, ignore_errors=True)
            return True

    # --- writing -------------------------------------------------------------------------------------------------

    def write(self, group: str, stream: str, message: str, time_ms: int | None = None) -> None:
        """Add one line, making group and stream if need be. A full disk never raises: see `write_lines`."""
        self.write_lines(group, stream, (message,), time_ms)

    def write_lines(
        self, group: str, stream: str, messages: Iterable[str], time_ms: int | None = None
    ) -> None:
        """Add lines at once. Lines that cannot be written are counted, and the stream says so when it can again."""
        now = self.now()
        events = [(now if time_ms is None else time_ms, message) for message in messages]
        with self._lock:
            try:
                self.put(group, stream, events)
            except OSError:
                if found := self.stream(group, stream):
                    found.lost += len(events)

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Add events (time in milliseconds, message). OSError when they cannot be written."""
        with self._lock:
            self.create_stream(group, stream)
            target = self._groups[group].streams[stream]
            now = self.now()
            if target.lost:
                note = f"[skewless] {target.lost} lines were lost here because they could not be written."
                self._append(target, [(now, note)], now)
                target.lost = 0
            self._append(target, events, now)

    def close(self) -> None:
        """Close all files. Writing opens them again."""
        with self._lock:
            for stream in list(self._open):
                self._close(stream)

    def _append(self, stream: LogStream, events: Sequence[tuple[int, str]], now: int) -> None:
        state = stream.last
        block = b"".join(state.encode(time, now, cut(message)) for time, message in events)
        try:
            if stream.descriptor is None:
                self._open_file(stream)
            if len(block) > stream.room < self.max_stream // 2:  # an empty segment takes what comes
                self._next_segment(stream, now)
            self._write(stream, block)
        except OSError:
            self._close(stream)  # what was cut short is ended when it is opened again
            raise

    def _write(self, stream: LogStream, block: bytes) -> None:
        assert stream.descriptor is not None
        self._open.move_to_end(stream)
        stream.room -= len(block)
        while block:
            block = block[os.write(stream.descriptor, block) :]

    def _open_file(self, stream: LogStream) -> None:
        """Open the newest segment, and end the last line that a killed writer left torn."""
        files = stream.files
        files.starts = files.starts or [0]
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        stream.descriptor = os.open(files.path(files.starts[-1]), flags, 0o600)
        self._open[stream] = None
        if len(self._open) > self.max_open:
            self._close(next(iter(self._open)))
        size = os.fstat(stream.descriptor).st_size
        stream.room = self.max_stream // 2 - size
        if size and os.pread(stream.descriptor, 1, size - 1) != b"\n":
            self._write(stream, b"\n")

    def _next_segment(self, stream: LogStream, now: int) -> None:
        files = stream.files
        dropped, kept = files.starts[:-1], files.starts[-1:]
        files.starts = [*kept, files.end]
        self._close(stream)
        for start in dropped:
            files.path(start).unlink(missing_ok=True)
        self._open_file(stream)
        note = f"[skewless] This stream keeps its newest {self.max_stream} bytes; older lines are dropped."
        self._write(stream, stream.last.encode(now, now, note))

    def _close(self, stream: LogStream) -> None:
        if stream.descriptor is not None:
            os.close(stream.descriptor)
            stream.descriptor = None
            del self._open[stream]

    def _find(self) -> None:
        for folder in self.folder.iterdir():
            if named := _described(folder / "group.json"):
                group = self._groups[named.name] = LogGroup(named.name, named.created, folder)
                for below in folder.iterdir():
                    if inner := _described(below / "stream.json"):
                        stream = LogStream(inner.name, inner.created, StreamFiles(below), self._lock)
                        group.streams[stream.name] = stream


def cut(message: str) -> str:
    """The message as it can be kept: at most `MAX_MESSAGE` bytes, with what is no text replaced."""
    if len(message) * 4 <= MAX_MESSAGE and message.isascii():
        return message
    return message.encode(errors="replace")[:MAX_MESSAGE].decode(errors="ignore")


def _within(event: Event, start: int | None, end: int | None) -> bool:
    return (start is None or event.time >= start) and (end is None or event.time < end)


def _folder_name(name: str) -> str:
    """A folder's name for any text: its plain characters to be found by, and a hash, because they may be cut."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80].strip("-")
    return f"{plain}~{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:20]}"


def _describe(folder: Path, file: str, name: str, created: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / f"{file}.new"
    written.write_bytes(msgspec.json.encode(Named(name, created)))
    written.replace(folder / file)


def _described(file: Path) -> Named | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Named)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
