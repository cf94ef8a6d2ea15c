"""Objects as files: what a prefix finds, whole or nothing, and never outside the bucket's folder."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from skewless.blobs import BlobError, Blobs, BucketMissing, KeyConflict, KeyRefused, ObjectMissing, open_blobs
from skewless.errors import SettingError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "s3" / "box").mkdir(parents=True)
    return tmp_path / "s3"


@pytest.fixture
def blobs(root: Path) -> Blobs:
    return open_blobs(s3_folder=root)


def keys(blobs: Blobs, uri: str) -> list[str]:
    return [blob.key for blob in blobs.list(uri)]


def test_what_is_written_is_read(blobs: Blobs, root: Path, tmp_path: Path) -> None:
    blobs.write("s3://box/a/b.txt", b"one")
    assert blobs.read("s3a://box/a/b.txt") == b"one"
    assert (root / "box/a/b.txt").read_bytes() == b"one"
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    blobs.upload(source, "s3://box/a/b.txt")
    blobs.download("s3://box/a/b.txt", tmp_path / "deep" / "target")
    assert (tmp_path / "deep" / "target").read_bytes() == source.read_bytes()
    assert [(blob.uri, blob.size) for blob in blobs.list("s3://box")] == [("s3://box/a/b.txt", 3_000_000)]
    assert list((root / ".skewless/unfinished").iterdir()) == []


def test_keys_come_in_the_order_of_their_bytes(blobs: Blobs) -> None:
    names = ["a", "a-b", "b/c", "b.txt", "b/c.d/e", "b/c-d", "B", "é", "z", "b0", "\U0001f600", "\uff5e"]
    for name in names:
        if name != "a":
            blobs.write(f"s3://box/{name}", b"")
    blobs.write("s3://box/a", b"")
    assert keys(blobs, "s3://box") == sorted(set(names) - {"b/c"} | {"b/c"}, key=str.encode)


def test_a_prefix_is_a_string(blobs: Blobs) -> None:
    for name in ("train/1", "train/2/3", "train2/x", "tra", "other/train"):
        blobs.write(f"s3://box/{name}", b"")
    assert keys(blobs, "s3://box/train") == ["train/1", "train/2/3", "train2/x"]
    assert keys(blobs, "s3://box/train/") == ["train/1", "train/2/3"]
    assert keys(blobs, "s3://box/train/2/3") == ["train/2/3"]
    assert keys(blobs, "s3://box/none/at/all") == []
    assert keys(blobs, "s3://box/train/1/") == []


def test_a_prefix_is_laid_out_as_a_channel(blobs: Blobs, tmp_path: Path) -> None:
    for name in ("train/1", "train/sub/2", "train"[:-1] + "m.csv"):
        blobs.write(f"s3://box/{name}", name.encode())
    one = blobs.download_prefix("s3://box/train", tmp_path / "one")
    assert [str(path.relative_to(tmp_path / "one")) for path in one] == ["1", "sub/2"]
    file = blobs.download_prefix("s3://box/traim.csv", tmp_path / "two")
    assert file == [tmp_path / "two/traim.csv"]
    assert file[0].read_bytes() == b"traim.csv"
    blobs.write("s3://box/train1", b"")
    with pytest.raises(KeyConflict, match="End the prefix"):
        blobs.download_prefix("s3://box/train", tmp_path / "three")


def test_what_is_missing_is_named(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(BucketMissing, match=r"s3://none: there is no such bucket. .* aws s3 mb s3://none"):
        list(blobs.list("s3://none/x"))
    with pytest.raises(
        ObjectMissing, match=r"s3://box/a/b: there is no such object. .* aws s3 ls s3://box/a/"
    ):
        blobs.read("s3://box/a/b")
    blobs.write("s3://box/folder/x", b"")
    with pytest.raises(ObjectMissing):
        blobs.read("s3://box/folder")
    with pytest.raises(ObjectMissing):
        blobs.read("s3://box/folder/x/y")
    with pytest.raises(BlobError, match="Write s3://BUCKET/KEY"):
        blobs.read("/etc/passwd")
    with pytest.raises(BlobError, match="nowhere cannot be read: No such file"):
        blobs.upload(tmp_path / "nowhere", "s3://box/x")
    assert blobs.exists("s3://box/folder/x")
    assert not blobs.exists("s3://box/folder")
    assert blobs.exists("s3://box")
    assert not blobs.exists("s3://none")


@pytest.mark.parametrize(
    "key",
    [
        "..",
        "../out",
        "a/../../out",
        "./a",
        "/a",
        "a//b",
        "a/./b",
        "a\0b",
        "x" * 256,
        "y/" * 600,
        "\ud800",
        "",
    ],
)
def test_keys_that_are_no_path_are_refused(blobs: Blobs, root: Path, key: str) -> None:
    (root / "out").mkdir()
    with pytest.raises(KeyRefused):
        blobs.write(f"s3://box/{key}", b"")
    with pytest.raises(KeyRefused):
        blobs.read(f"s3://box/{key}")
    with pytest.raises(KeyRefused):
        blobs.delete(f"s3://box/{key}")
    assert [path.name for path in (root / "box").iterdir()] == []


@pytest.mark.parametrize("bucket", ["..", ".skewless", "Box", "b", "127.0.0.1", "a..b", "box/..", "linked"])
def test_only_buckets_are_buckets(blobs: Blobs, root: Path, tmp_path: Path, bucket: str) -> None:
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(BlobError):
        blobs.write(f"s3://{bucket}/x", b"")


def test_links_are_not_followed(blobs: Blobs, root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    (root / "box/file").symlink_to(secret / "key")
    (root / "box/folder").symlink_to(secret)
    assert keys(blobs, "s3://box") == []
    assert keys(blobs, "s3://box/folder/") == []
    for key in ("file", "folder/key", "folder/new"):
        with pytest.raises(KeyRefused, match="symbolic link"):
            blobs.read(f"s3://box/{key}")
        with pytest.raises(KeyRefused, match="symbolic link"):
            blobs.write(f"s3://box/{key}", b"changed")
        with pytest.raises(KeyRefused, match="symbolic link"):
            blobs.delete(f"s3://box/{key}")
    assert (secret / "key").read_bytes() == b"secret"
    assert [path.name for path in secret.iterdir()] == ["key"]


def test_what_is_no_file_is_no_object(blobs: Blobs, root: Path) -> None:
    os.mkfifo(root / "box/pipe")
    assert keys(blobs, "s3://box") == []
    with pytest.raises(ObjectMissing):
        blobs.read("s3://box/pipe")


def test_a_file_and_a_folder_of_one_name_are_refused(blobs: Blobs, root: Path) -> None:
    blobs.write("s3://box/a", b"1")
    with pytest.raises(KeyConflict, match="a part of the key is itself an object"):
        blobs.write("s3://box/a/b", b"2")
    with pytest.raises(KeyConflict, match="a part of the key is itself an object"):
        blobs.write("s3://box/a/b/c", b"2")
    blobs.write("s3://box/c/d", b"3")
    with pytest.raises(KeyConflict, match="objects begin with c/"):
        blobs.write("s3://box/c", b"4")
    (root / "box/left/by/others").mkdir(parents=True)
    blobs.write("s3://box/left", b"5")
    assert keys(blobs, "s3://box") == ["a", "c/d", "left"]


def test_deleting_the_last_object_deletes_its_folders(blobs: Blobs, root: Path) -> None:
    blobs.write("s3://box/out/train/part-0", b"1")
    blobs.write("s3://box/out/other", b"1")
    blobs.delete("s3://box/out/train/part-0")
    assert not (root / "box/out/train").exists()
    assert (root / "box/out").exists()
    blobs.delete("s3://box/out/other")
    blobs.delete("s3://box/never/there")
    assert (root / "box").exists()
    assert not (root / "box/out").exists()


def test_writers_and_deleters_of_one_folder_do_not_disturb_each_other(blobs: Blobs) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(100):
                blobs.write(f"s3://box/deep/folder/{name}", str(number).encode())
                assert blobs.read(f"s3://box/deep/folder/{name}") == str(number).encode()
                blobs.delete(f"s3://box/deep/folder/{name}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"object{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert keys(blobs, "s3://box") == []


def test_storage_has_to_be_somewhere() -> None:
    with pytest.raises(SettingError, match="not said where objects are"):
        open_blobs()
