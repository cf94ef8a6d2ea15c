"""Artifacts on disk: every container gives the same files, and what could harm is refused before it is used."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.bundles.archive import Files, read_files, write_files
from skewless.errors import ArtifactError
from skewless.settings import Settings

LIMITS = Settings(max_artifact_mb=1, max_artifact_files=20)
FILES = {
    "bundle.json": b"{}",
    "root/model.json": b'{"op": "pipeline"}' * 50,
    "root/x.node/model.json": bytes(range(256)),
    "root/größe 🚗.node/empty": b"",
}
KINDS = ("zip", "tar.gz")


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def tarred(*members: tuple[str | tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


PACK: Mapping[str, Callable[..., bytes]] = {"zip": zipped, "tar.gz": tarred}


def read(tmp_path: Path, data: bytes, limits: Settings = LIMITS) -> Files:
    path = tmp_path / "bundle"
    path.write_bytes(data)
    return read_files(path, limits=limits)


def refusal(tmp_path: Path, data: bytes, limits: Settings = LIMITS) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read(tmp_path, data, limits)
    assert caught.value.artifact == str(tmp_path / "bundle")
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "name", ["b.zip", "b.tar.gz", "b.tgz", "B.ZIP", "folder", "new/deep/b.zip", "new/deep/b"]
)
def test_round_trip(tmp_path: Path, name: str) -> None:
    assert write_files(FILES, tmp_path / name) == tmp_path / name
    found = read_files(tmp_path / name, limits=LIMITS)
    assert found == FILES
    assert list(found) == sorted(FILES)
    assert found.name == str(tmp_path / name)
    assert [entry.name for entry in (tmp_path / name).parent.iterdir()] == [Path(name).name]


def test_uris(tmp_path: Path) -> None:
    write_files(FILES, f"jar:file:{tmp_path}/a.zip")
    write_files(FILES, f"file:{tmp_path}/b")
    for where in (f"jar:file:{tmp_path}/a.zip", str(tmp_path / "a.zip"), f"file://{tmp_path}/b"):
        assert read_files(where, limits=LIMITS) == FILES
    inside = read_files(f"jar:file:{tmp_path}/a.zip!root/x.node", limits=LIMITS)
    assert dict(inside) == {"model.json": FILES["root/x.node/model.json"]}
    with pytest.raises(ArtifactError, match="has no folder 'root/y'"):
        read_files(f"jar:file:{tmp_path}/a.zip!root/y", limits=LIMITS)
    with pytest.raises(ArtifactError, match="cannot write into a folder of an archive"):
        write_files(FILES, f"jar:file:{tmp_path}/a.zip!root")


def test_files_are_frozen() -> None:
    files = Files("x", {"b": b"1", "a": b"2"})
    assert list(files) == ["a", "b"]
    with pytest.raises(TypeError):
        files.contents["c"] = b""  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS)
def test_same_files_same_bytes(tmp_path: Path, kind: str) -> None:
    first = write_files(FILES, tmp_path / f"a.{kind}").read_bytes()
    second = write_files(dict(reversed(FILES.items())), tmp_path / f"b.{kind}").read_bytes()
    assert first == second


def test_as_java_and_as_sklearn_zip(tmp_path: Path) -> None:
    java = zipped(("root/", b""), ("root/x.node/", b""), *reversed(FILES.items()))
    assert read(tmp_path, java) == FILES
    assert read(tmp_path, zipped(*FILES.items())) == FILES


def test_as_tar_packs_a_folder(tmp_path: Path) -> None:
    root = tarfile.TarInfo("./")
    root.type = tarfile.DIRTYPE
    folder = tarfile.TarInfo("./root")
    folder.type = tarfile.DIRTYPE
    data = tarred((root, b""), (folder, b""), *((f"./{name}", data) for name, data in FILES.items()))
    assert read(tmp_path, data) == FILES
    assert read(tmp_path, gzip.decompress(data)) == FILES  # not packed at all


# What could harm.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", "leads out of the artifact"),
        ("root/../../x", "leads out of the artifact"),
        ("..", "leads out of the artifact"),
        ("/etc/passwd", "path is absolute"),
        ("C:/x", "drive letter"),
        ("c:x", "drive letter"),
        ("root\\x", "backslash"),
        ("..\\x", "backslash"),
        ("root//x", "empty part"),
        ("root/./x", "empty part"),
        ("a\nb", "control characters"),
        ("\x1b[31m", "control characters"),
        ("x" * 5000, "more than 4096 characters"),
    ],
)
def test_paths(tmp_path: Path, kind: str, name: str, why: str) -> None:
    error = refusal(tmp_path, PACK[kind](("bundle.json", b"{}"), (name, b"x")))
    assert why in error.message
    assert error.file is not None
    assert error.file.isprintable()
    assert str(error).startswith(f"{tmp_path / 'bundle'}, ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["../", "/", "/x/", "a/../"])
def test_paths_of_folders(tmp_path: Path, kind: str, name: str) -> None:
    if kind == "zip":
        data = zipped((name, b""))
    else:
        info = tarfile.TarInfo(name)
        info.type = tarfile.DIRTYPE
        data = tarred((info, b""))
    assert "is refused" in refusal(tmp_path, data).message


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "character device"),
        (tarfile.FIFOTYPE, "named pipe"),
    ],
)
def test_no_links_or_devices_in_tar(tmp_path: Path, flag: bytes, why: str) -> None:
    info = tarfile.TarInfo("root/model.json")
    info.type, info.linkname = flag, "/etc/passwd"
    error = refusal(tmp_path, tarred((info, b"")))
    assert why in error.message
    assert error.file == "root/model.json"


@pytest.mark.parametrize(
    ("mode", "why"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFCHR, "device"), (stat.S_IFIFO, "device")]
)
def test_no_links_or_devices_in_zip(tmp_path: Path, mode: int, why: str) -> None:
    info = zipfile.ZipInfo("root/model.json")
    info.external_attr = (mode | 0o777) << 16
    assert why in refusal(tmp_path, zipped((info, b"/etc/passwd"))).message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a", "./a"])
def test_duplicates(tmp_path: Path, kind: str, second: str) -> None:
    assert "is there twice" in refusal(tmp_path, PACK[kind](("a", b"1"), (second, b"2"))).message


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_a_folder(tmp_path: Path, kind: str) -> None:
    data = PACK[kind](("a", b"1"), ("a-b", b""), ("a/b", b"2"))
    assert "both a file and a folder" in refusal(tmp_path, data).message


def test_what_follows_a_nul_is_seen(tmp_path: Path) -> None:
    data = zipped(("bundle.json#../x", b"")).replace(b"#", b"\0")  # the library calls it bundle.json
    assert refusal(tmp_path, data).file == r"bundle.json\x00../x"


def test_encrypted_or_oddly_packed(tmp_path: Path) -> None:
    data = bytearray(zipped(("a", b"1")))
    entry = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[entry + 8] |= 1
    assert "encrypted" in refusal(tmp_path, bytes(data)).message
    info = zipfile.ZipInfo("a")
    info.compress_type = zipfile.ZIP_LZMA
    assert "packed with method 14" in refusal(tmp_path, zipped((info, b"1"))).message


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_members(tmp_path: Path, kind: str) -> None:
    members = [(f"f{number}", b"") for number in range(21)]
    assert len(read(tmp_path, PACK[kind](*members[:20]))) == 20
    error = refusal(tmp_path, PACK[kind](*members))
    assert "more than 20 members" in error.message
    assert "SKEWLESS_MAX_ARTIFACT_FILES" in str(error)


def test_too_many_entries_are_not_even_listed(tmp_path: Path) -> None:
    entry = b"PK\x01\x02" + bytes(42)
    many = 2000 * entry
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 2000, 2000, len(many), 0, 0)
    data = b"PK\x03\x04" + many + end
    assert "more than 20 members" in refusal(tmp_path, data).message


@pytest.mark.parametrize("kind", KINDS)
def test_bombs_are_stopped_at_the_limit(tmp_path: Path, kind: str) -> None:
    data = PACK[kind](("bundle.json", b"{}"), ("bomb", bytes(64 << 20)))
    assert len(data) < 400_000
    tracemalloc.start()
    error = refusal(tmp_path, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 1 MiB once unpacked" in error.message
    assert error.file == "bomb"
    assert peak < 8 << 20


def test_a_bomb_that_understates_its_size(tmp_path: Path) -> None:
    data = bytearray(zipped(("bomb", bytes(16 << 20))))
    entry = data.index(b"PK\x01\x02")
    for position in (22, entry + 24):
        data[position : position + 4] = struct.pack("<I", 10)
    refusal(tmp_path, bytes(data))


def test_bombs_outside_of_members(tmp_path: Path) -> None:
    after_the_end = gzip.compress(bytes(32 << 20), 1)
    assert "more than 1 MiB" in refusal(tmp_path, after_the_end).message
    info = tarfile.TarInfo("x")
    info.pax_headers = {"comment": "x" * (8 << 20)}
    assert "a header has" in refusal(tmp_path, tarred((info, b""))).message
    root = tarfile.TarInfo("./")
    root.type = tarfile.DIRTYPE
    assert "more than 20 members" in refusal(tmp_path, gzip.compress(root.tobuf() * 50_000, 1)).message


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere(tmp_path: Path, kind: str) -> None:
    data = write_files(FILES, tmp_path / f"whole.{kind}").read_bytes()
    for end in {*range(0, len(data), len(data) // 20), *range(len(data) - 9, len(data))}:
        error = refusal(tmp_path, data[:end])
        assert re.search("damaged or cut short|neither a zip nor a tar.gz", error.message), end


def test_a_plain_tar_cut_between_members(tmp_path: Path) -> None:
    data = gzip.decompress(tarred(("a", b"1"), ("b", b"2")))
    assert "cut short" in refusal(tmp_path, data[:1024]).message


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=3), st.integers(0, 7))
def test_flipped_bits(tmp_path: Path, kind: str, places: list[float], bit: int) -> None:
    source = tmp_path / f"whole.{kind}"
    data = bytearray(source.read_bytes() if source.exists() else write_files(FILES, source).read_bytes())
    for place in places:
        data[int(place * len(data))] ^= 1 << bit
    with suppress(ArtifactError):  # anything else fails the test
        found = read(tmp_path, bytes(data))
        assert not any(name.startswith(("/", "..")) for name in found)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08", b""]), st.binary(max_size=100))
def test_any_bytes(tmp_path: Path, start: bytes, rest: bytes) -> None:
    refusal(tmp_path, start + rest)


# Folders.


def folder(tmp_path: Path) -> Path:
    return write_files(FILES, tmp_path / "folder")


def test_links_in_a_folder(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "copy.json").symlink_to("bundle.json")
    assert read_files(root, limits=LIMITS)["copy.json"] == b"{}"
    (tmp_path / "link").symlink_to(root)
    assert len(read_files(tmp_path / "link", limits=LIMITS)) == 5
    (tmp_path / "secret").write_text("x")
    for target, why in (
        ("../secret", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("../folder2", "leads out of the folder"),
        ("root", "no file"),
        (".", "no file"),
        ("nothing", "cannot be opened"),
        ("evil", "cannot be opened"),
    ):
        (root / "evil").symlink_to(target)
        with pytest.raises(ArtifactError, match=why) as caught:
            read_files(root, limits=LIMITS)
        assert caught.value.file == "evil"
        (root / "evil").unlink()


def test_odd_things_in_a_folder(tmp_path: Path) -> None:
    root = folder(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.raises(ArtifactError, match="device, pipe or socket"):
        read_files(root, limits=LIMITS)
    (root / "pipe").unlink()
    (root / "to-pipe").symlink_to("sub-pipe")
    os.mkfifo(root / "sub-pipe")
    with pytest.raises(ArtifactError, match=r"no file|device, pipe"):
        read_files(root, limits=LIMITS)
    with pytest.raises(ArtifactError, match="neither a file nor a folder"):
        read_files(root / "sub-pipe", limits=LIMITS)
    (root / "to-pipe").unlink()
    (root / "sub-pipe").unlink()
    (root / "back\\slash").write_text("")
    with pytest.raises(ArtifactError, match="backslash"):
        read_files(root, limits=LIMITS)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / os.fsdecode(b"\xff")).write_text("")
    with pytest.raises(ArtifactError, match="not UTF-8"):
        read_files(root, limits=LIMITS)


def test_limits_of_a_folder(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "large").write_bytes(bytes(2 << 20))
    with pytest.raises(ArtifactError, match="more than 1 MiB"):
        read_files(root, limits=LIMITS)
    with pytest.raises(ArtifactError, match="more than 3 members"):
        read_files(root, limits=Settings(max_artifact_files=3))


@pytest.mark.parametrize("where", ["missing", "missing/x.zip", "file/x.zip", "jar:file:/missing.zip"])
def test_no_such_file(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(ArtifactError, match=r"^no such file: .*(missing|file)"):
        read_files(where, limits=LIMITS)


# Writing.


@pytest.mark.parametrize("name", ["../x", "/x", "a\\b", "", "a//b", "a/../b", "\ud800"])
def test_writes_no_unsafe_name(tmp_path: Path, name: str) -> None:
    for target in ("x.zip", "x.tar.gz", "x"):
        with pytest.raises(ArtifactError, match="cannot be written"):
            write_files({name: b""}, tmp_path / target)
    assert not list(tmp_path.iterdir())


def test_replaces_archives_and_bundles_only(tmp_path: Path) -> None:
    for name in ("x.zip", "x.tar.gz", "bundle"):
        write_files({"bundle.json": b"old", "root/old": b""}, tmp_path / name)
        write_files(FILES, tmp_path / name)
        assert read_files(tmp_path / name, limits=LIMITS) == FILES
    (tmp_path / "empty").mkdir()
    write_files(FILES, tmp_path / "empty")
    assert read_files(tmp_path / "empty", limits=LIMITS) == FILES


def test_never_replaces_what_is_not_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years")
    with pytest.raises(ArtifactError, match="holds something else"):
        write_files(FILES, tmp_path / "work")
    (tmp_path / "work" / "bundle.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"holds more than a bundle: thesis.txt"):
        write_files(FILES, tmp_path / "work")
    with pytest.raises(ArtifactError, match="is a file"):
        write_files(FILES, tmp_path / "work" / "thesis.txt")
    (tmp_path / "dir.zip").mkdir()
    with pytest.raises(ArtifactError, match="is a folder"):
        write_files(FILES, tmp_path / "dir.zip")
    with pytest.raises(ArtifactError, match=r"cannot be written: File exists: .*thesis.txt"):
        write_files(FILES, tmp_path / "work" / "thesis.txt" / "x.zip")
    assert (tmp_path / "work" / "thesis.txt").read_text() == "years"


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x"])
def test_nothing_half_written_stays(tmp_path: Path, name: str) -> None:
    write_files({"bundle.json": b"old"}, tmp_path / name)
    clash = {"a": b"", "a/b": b""} if name == "x" else {"a": b"", "b": 3}
    with pytest.raises((ArtifactError, TypeError)):
        write_files(clash, tmp_path / name)  # type: ignore[arg-type]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert dict(read_files(tmp_path / name, limits=LIMITS)) == {"bundle.json": b"old"}


def test_permissions_are_the_users(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        mode = write_files(FILES, tmp_path / "x.zip").stat().st_mode
    finally:
        os.umask(before)
    assert stat.S_IMODE(mode) == 0o640
