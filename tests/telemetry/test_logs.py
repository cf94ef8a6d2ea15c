"""Log streams: what is written is read back, in ranges, from either end, after kills, within bounds."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from skewless.telemetry.logs import MAX_MESSAGE, LogStore, LogStream

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogStore]:
    store = LogStore(tmp_path / "logs")
    yield store
    store.close()


def messages(stream: LogStream | None, start: int | None = None, end: int | None = None) -> list[str]:
    assert stream is not None
    return [event.message for event in stream.events(start, end)]


def files_of(store: LogStore) -> list[Path]:
    return sorted(store.folder.rglob("*.jsonl"))


def test_lines_are_read_back_at_once_and_after_reopening(logs: LogStore) -> None:
    logs.write(GROUP, "job/algo-1", "first")
    logs.write_lines(GROUP, "job/algo-1", ["second", "", "tab\t newline\n nul\0 é 😀"])
    wanted = ["first", "second", "", "tab\t newline\n nul\0 é 😀"]
    assert messages(logs.stream(GROUP, "job/algo-1")) == wanted
    again = LogStore(logs.folder)
    assert [group.name for group in again.groups()] == [GROUP]
    assert messages(again.stream(GROUP, "job/algo-1")) == wanted


HOSTILE = [
    "..",
    ".",
    "../../etc",
    "/",
    "//",
    "a/../b",
    "a" * 512,
    "a" * 511 + "b",
    "A" * 512,
    "%2e",
    "é",
    "~",
    "x.jsonl",
    "\0",
    "stream.json",
]


def test_no_name_leaves_the_folder_and_none_is_another(logs: LogStore) -> None:
    for group in HOSTILE:
        for stream in HOSTILE:
            logs.write(group, stream, f"{group}|{stream}")
    for store in (logs, LogStore(logs.folder)):
        for group in HOSTILE:
            assert [stream.name for stream in store.streams(group)] == sorted(HOSTILE)
            assert all(messages(store.stream(group, stream)) == [f"{group}|{stream}"] for stream in HOSTILE)
    assert [path.name for path in logs.folder.parent.iterdir()] == ["logs"]
    # A file system that does not tell capitals apart must not mix "a" * 512 with "A" * 512.
    names = [path.name.lower() for path in logs.folder.iterdir()]
    assert len(set(names)) == len(HOSTILE)


def test_a_range_is_found_wherever_it_lies(logs: LogStore) -> None:
    for number in range(5000):
        logs.write(GROUP, "s", f"line {number} " + "x" * (number % 97), time_ms=1_000_000 + 10 * number)
    stream = logs.stream(GROUP, "s")
    assert stream
    for first, last in ((0, 1), (1, 3), (777, 790), (4990, 5000), (0, 5000)):
        start, end = 1_000_000 + 10 * first, 1_000_000 + 10 * last
        found = list(stream.events(start, end))
        assert [event.time for event in found] == list(range(start, end, 10))
        assert [event.time for event in stream.events(start - 9, end - 9)] == list(range(start, end, 10))
        backwards = list(stream.events_before(start, end, stream.files.end))
        assert backwards == found[::-1]
    assert list(stream.events(2_000_000, None)) == []
    assert list(stream.events(None, 1_000_000)) == []


def test_a_range_reads_little_of_a_long_stream(logs: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.put(GROUP, "s", [(1000 + number, f"{number:06d} " + "x" * 200) for number in range(60_000)])
    stream = logs.stream(GROUP, "s")
    assert stream
    assert stream.files.end > 10 << 20
    decoded = 0
    decode = sys.modules["skewless.telemetry.stream"]._decode

    def counting(raw: bytes) -> object:
        nonlocal decoded
        decoded += 1
        return decode(raw)

    monkeypatch.setattr("skewless.telemetry.stream._decode", counting)
    assert messages(stream, 55_000, 55_010)[0].startswith("054000 ")
    assert [event.message[:6] for event in islice(stream.events_before(None, None, stream.files.end), 2)] == [
        "059999",
        "059998",
    ]
    assert decoded < 2000


def test_events_that_come_late_are_found_by_their_own_time(logs: LogStore) -> None:
    logs.put(GROUP, "s", [(1000 * number, f"on time {number}") for number in range(1000)])
    logs.put(GROUP, "s", [(500_500, "late")])
    logs.put(GROUP, "s", [(1000 * number, f"on time {number}") for number in range(1000, 2000)])
    for store in (logs, LogStore(logs.folder)):
        stream = store.stream(GROUP, "s")
        assert messages(stream, 500_000, 501_001) == ["on time 500", "on time 501", "late"]
        assert messages(stream, 999_000, 1_000_001) == ["on time 999", "on time 1000"]


def test_positions_are_kept_when_the_oldest_lines_are_dropped(tmp_path: Path) -> None:
    logs = LogStore(tmp_path / "logs", max_stream=20_000)
    for number in range(1000):
        logs.write(GROUP, "s", f"line {number:06d} " + "x" * 100, time_ms=number + 1)
        assert sum(file.stat().st_size for file in files_of(logs)) <= 20_000 + 300
    stream = logs.stream(GROUP, "s")
    assert stream
    kept = list(stream.events(None, None))
    lines = [event for event in kept if event.message.startswith("line")]
    assert lines[-1].message.startswith("line 000999")
    assert len(lines) > 50
    assert [event.time for event in lines] == list(range(lines[0].time, 1001))
    assert any("keeps its newest 20000 bytes" in event.message for event in kept)
    assert next(stream.events(None, None, after=lines[7].end)).position == lines[7].end
    assert next(stream.events(None, None, after=3)) == kept[0]  # dropped long ago: what is left comes next
    again = LogStore(logs.folder, max_stream=20_000).stream(GROUP, "s")
    assert again
    assert list(again.events(None, None)) == kept


def test_a_stream_is_read_while_its_oldest_lines_are_dropped(tmp_path: Path) -> None:
    """A reader may miss lines that were dropped before it came to them, and sees no other twice or torn."""
    logs = LogStore(tmp_path / "logs", max_stream=20_000)
    logs.write(GROUP, "s", "line 0")
    stream = logs.stream(GROUP, "s")
    assert stream
    done = threading.Event()

    def write() -> None:
        for number in range(1, 4000):
            logs.write(GROUP, "s", f"line {number}")
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen, after, last = [-1], 0, False
    while not last:
        last = done.is_set()
        for event in stream.events(None, None, after):
            after = event.end
            if event.message.startswith("line"):
                seen.append(int(event.message.removeprefix("line ")))
        backwards = [
            event.position for event in islice(stream.events_before(None, None, stream.files.end), 100)
        ]
        assert backwards == sorted(set(backwards), reverse=True)
    writer.join()
    assert seen == sorted(set(seen))
    assert seen[-1] == 3999


def test_a_message_is_cut_and_what_is_no_text_is_replaced(logs: LogStore) -> None:
    logs.write_lines(
        GROUP, "s", ["é" * MAX_MESSAGE, "x" * (MAX_MESSAGE + 1), "x" * MAX_MESSAGE, "half \ud83d pair"]
    )
    first, second, third, fourth = messages(logs.stream(GROUP, "s"))
    assert first == "é" * (MAX_MESSAGE // 2)
    assert second == third == "x" * MAX_MESSAGE
    assert fourth == "half ? pair"


def test_long_lines_are_read_backwards(logs: LogStore) -> None:
    wanted = ["short", "y" * 200_000, "\1" * 100_000, "short again", "z" * 70_000]
    logs.write_lines(GROUP, "s", wanted)
    stream = logs.stream(GROUP, "s")
    assert stream
    assert [event.message for event in stream.events_before(None, None, stream.files.end)] == wanted[::-1]


def test_few_files_are_open_however_many_streams_there_are(tmp_path: Path) -> None:
    logs = LogStore(tmp_path / "logs", max_open=4)
    before = len(list(Path("/dev/fd").iterdir()))
    for turn in range(3):
        for number in range(50):
            logs.write(GROUP, f"s{number}", f"turn {turn}")
    assert len(list(Path("/dev/fd").iterdir())) <= before + 4
    assert all(messages(logs.stream(GROUP, f"s{n}")) == ["turn 0", "turn 1", "turn 2"] for n in range(50))
    logs.close()
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_threads_write_whole_lines_while_others_read(logs: LogStore) -> None:
    count, writers = 400, 4
    done = threading.Event()
    partial: list[str] = []

    def write(writer: int) -> None:
        for number in range(count):
            logs.write(GROUP, "s", f"{writer} {number} " + "x" * 300)

    def read() -> None:
        while not done.is_set():
            stream = logs.stream(GROUP, "s")
            partial.extend(m for m in (messages(stream) if stream else []) if not m.endswith("x" * 300))

    reader = threading.Thread(target=read)
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    reader.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert not partial
    found = [tuple(map(int, m.split()[:2])) for m in messages(logs.stream(GROUP, "s"))]
    assert sorted(found) == [(w, n) for w in range(writers) for n in range(count)]
    for writer in range(writers):
        assert [n for w, n in found if w == writer] == list(range(count))


WRITER = """
import sys
from pathlib import Path
from skewless.telemetry.logs import LogStore
logs = LogStore(Path(sys.argv[1]))
number = 0
while True:
    logs.write("g", "s", f"line {number}")
    print(number, flush=True)
    number += 1
"""


def test_a_killed_writer_loses_nothing_it_had_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "logs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        for line in writer.stdout:
            if int(line) >= 500:
                break
        writer.send_signal(signal.SIGKILL)
        told = [int(line) for line in writer.stdout.read().split("\n") if line]
    least = max([500, *told[:-1]])  # the last number may be cut itself
    found = messages(LogStore(tmp_path / "logs").stream("g", "s"))
    assert found == [f"line {number}" for number in range(len(found))]
    assert len(found) > least


@pytest.mark.parametrize("torn", [b"to", "tör".encode()[:2]], ids=["between characters", "in one"])
def test_a_torn_line_is_passed_over_and_the_next_is_whole(logs: LogStore, torn: bytes) -> None:
    logs.write(GROUP, "s", "before", time_ms=1000)
    logs.close()
    (file,) = files_of(logs)
    file.write_bytes(file.read_bytes() + b'{"time":2000,"message":"' + torn)
    again = LogStore(logs.folder)
    assert messages(again.stream(GROUP, "s")) == ["before"]
    again.write(GROUP, "s", "after", time_ms=3000)
    for store in (again, LogStore(logs.folder)):
        stream = store.stream(GROUP, "s")
        assert messages(stream) == ["before", "after"]
        assert stream
        assert stream.last.high == 3000
        assert [e.message for e in stream.events_before(None, None, stream.files.end)] == ["after", "before"]


def test_a_position_within_a_line_reads_on_with_the_next(logs: LogStore) -> None:
    logs.write_lines(GROUP, "s", ['{"time":1,"message":"not a line"}', "second"])
    stream = logs.stream(GROUP, "s")
    assert stream
    for position in range(1, next(stream.events(None, None)).end + 1):
        assert [event.message for event in stream.events(None, None, after=position)] == ["second"]


def test_what_is_deleted_is_gone_and_can_be_made_again(logs: LogStore) -> None:
    logs.write(GROUP, "one", "1")
    logs.write(GROUP, "two", "2")
    assert logs.delete_stream(GROUP, "one")
    assert not logs.delete_stream(GROUP, "one")
    assert [stream.name for stream in logs.streams(GROUP)] == ["two"]
    logs.write(GROUP, "one", "new")
    assert messages(logs.stream(GROUP, "one")) == ["new"]
    assert logs.delete_group(GROUP)
    assert not logs.delete_group(GROUP)
    assert list(logs.folder.iterdir()) == []
    assert LogStore(logs.folder).groups() == []
    logs.write(GROUP, "one", "newer")
    assert messages(logs.stream(GROUP, "one")) == ["newer"]
