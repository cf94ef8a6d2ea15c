"""Other clients than boto3: the AWS CLI, Arrow and pandas, and our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import pytest

from skewless.blobs import BlobError, Blobs, BucketMissing, ObjectMissing, open_blobs
from tests.aws.s3.conftest import Server
from tests.fronts import ACCESS_KEY, REGION, SECRET, environment

AWS = Path(sys.executable).with_name("aws")


def aws(server: Server, *words: str | Path) -> tuple[int, str]:
    """Run ``aws s3 …``: its exit code and all that it said."""
    done = subprocess.run(
        [sys.executable, AWS, "s3", *words],
        env={**os.environ, **environment(server.url)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_command_line(server: Server, tmp_path: Path) -> None:
    up, down = tmp_path / "up", tmp_path / "down"
    (up / "deep").mkdir(parents=True)
    (up / "small ü.txt").write_bytes(b"small")
    (up / "deep/big").write_bytes(os.urandom(9 << 20))
    assert aws(server, "mb", "s3://cli-box") == (0, "make_bucket: cli-box\n")
    assert aws(server, "sync", "--no-progress", up, "s3://cli-box/data")[0] == 0
    assert aws(server, "sync", "--no-progress", up, "s3://cli-box/data") == (0, "")
    code, text = aws(server, "ls", "s3://cli-box/data/")
    assert code == 0
    assert [line.split(maxsplit=2)[-1] for line in text.splitlines()] == [
        "deep/",
        "5 small ü.txt",
    ]
    assert aws(server, "mv", "--no-progress", "s3://cli-box/data/deep/big", "s3://cli-box/big")[0] == 0
    assert aws(server, "cp", "--no-progress", "--recursive", "s3://cli-box", down)[0] == 0
    assert (down / "big").read_bytes() == (up / "deep/big").read_bytes()
    assert (down / "data/small ü.txt").read_bytes() == b"small"
    assert aws(server, "cp", "--no-progress", "s3://cli-box/none", down)[0] == 1
    assert aws(server, "rm", "--recursive", "s3://cli-box/data")[0] == 0
    assert [path.name for path in (server.folder / "cli-box").iterdir()] == ["big"]
    assert aws(server, "rb", "s3://cli-box")[0] == 1
    assert aws(server, "rb", "--force", "s3://cli-box")[0] == 0
    assert not (server.folder / "cli-box").exists()


def arrow(server: Server) -> pyarrow.fs.S3FileSystem:
    return pyarrow.fs.S3FileSystem(
        endpoint_override=server.url.removeprefix("http://"),
        scheme="http",
        region=REGION,
        access_key=ACCESS_KEY,
        secret_key=SECRET,
    )


def test_arrow_and_pandas(server: Server, bucket: str) -> None:
    files = arrow(server)
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    frame.to_parquet(f"{bucket}/frames/one.parquet", filesystem=files)
    pa.parquet.write_to_dataset(
        pa.Table.from_pandas(frame), f"{bucket}/set", partition_cols=["b"], filesystem=files
    )
    pd.testing.assert_frame_equal(pd.read_parquet(f"{bucket}/frames/one.parquet", filesystem=files), frame)
    assert pa.parquet.read_table(f"{bucket}/set", filesystem=files).num_rows == 3
    assert pd.read_parquet(server.folder / bucket / "frames/one.parquet").equals(frame)
    with files.open_input_file(f"{bucket}/frames/one.parquet") as file:
        file.seek(file.size() - 4)
        assert file.read() == b"PAR1"
    files.create_dir(f"{bucket}/made/deep")
    files.delete_dir(f"{bucket}/set")
    assert [info.path for info in files.get_file_info(pyarrow.fs.FileSelector(bucket))] == [
        f"{bucket}/frames",
        f"{bucket}/made",
    ]


@pytest.fixture
def remote(server: Server) -> Blobs:
    """Our own client of an S3 that is elsewhere."""
    return open_blobs(s3_endpoint_url=server.url, region=REGION, access_key=ACCESS_KEY, secret_key=SECRET)


def test_blobs_of_another_s3(remote: Blobs, server: Server, bucket: str, tmp_path: Path) -> None:
    for key in ("train/1", "train/sub/2", "train2/x", "tra", "other/train"):
        remote.write(f"s3://{bucket}/{key}", key.encode())
    assert [blob.key for blob in remote.list(f"s3://{bucket}/train")] == [
        "train/1",
        "train/sub/2",
        "train2/x",
    ]
    assert [(blob.key, blob.size) for blob in remote.list(f"s3://{bucket}/train/")] == [
        ("train/1", 7),
        ("train/sub/2", 11),
    ]
    assert [blob.key for blob in remote.list(f"s3a://{bucket}")] == [
        "other/train",
        "tra",
        "train/1",
        "train/sub/2",
        "train2/x",
    ]
    assert list(remote.list(f"s3://{bucket}/none/")) == []
    assert remote.read(f"s3://{bucket}/tra") == b"tra"
    files = remote.download_prefix(f"s3://{bucket}/train/", tmp_path / "channel")
    assert [str(file.relative_to(tmp_path / "channel")) for file in files] == ["1", "sub/2"]
    remote.upload(tmp_path / "channel/1", f"s3://{bucket}/up/1")
    assert (server.folder / bucket / "up/1").read_bytes() == b"train/1"
    assert remote.exists(f"s3://{bucket}/up/1")
    assert not remote.exists(f"s3://{bucket}/up")
    assert remote.exists(f"s3://{bucket}")
    assert not remote.exists("s3://no-such-box")
    remote.delete(f"s3://{bucket}/up/1")
    remote.delete(f"s3://{bucket}/up/1")
    assert not remote.exists(f"s3://{bucket}/up/1")
    with pytest.raises(ObjectMissing):
        remote.read(f"s3://{bucket}/none")
    with pytest.raises(BucketMissing):
        remote.list("s3://no-such-box/x")
    with pytest.raises(BucketMissing):
        remote.upload(tmp_path / "channel/1", "s3://no-such-box/x")


def test_keys_of_another_s3_have_to_be_right(server: Server, bucket: str) -> None:
    stranger = open_blobs(
        s3_endpoint_url=server.url, region=REGION, access_key=ACCESS_KEY, secret_key="wrong"
    )
    with pytest.raises(BlobError, match="Check its URL, the keys, and what they may do"):
        stranger.read(f"s3://{bucket}/x")
