"""A gateway that is killed while objects come in: what was acknowledged stays, and nothing is there by half."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fronts import client

PROGRAM = """
import sys, threading
from pathlib import Path
from skewless.aws.s3 import S3App
from tests.fronts import front
from tests.planes import plane
folder = Path(sys.argv[1])
with plane(folder) as ground, front(ground, s3=S3App(folder / "s3", "us-east-1")) as url:
    print(url, flush=True)
    threading.Event().wait()
"""
MIB = 1 << 20


@contextmanager
def gateway(folder: Path) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """A process with the embedded S3, and a client of it."""
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, folder], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert process.stdout is not None
    try:
        yield process, client("s3", process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_killed_while_objects_come_in(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    body = os.urandom(3 * MIB)
    with gateway(tmp_path) as (process, s3):
        s3.create_bucket(Bucket="box")
        upload = s3.create_multipart_upload(Bucket="box", Key="parts", Metadata={"a": "b"})["UploadId"]
        first = s3.upload_part(Bucket="box", Key="parts", UploadId=upload, PartNumber=1, Body=body * 2)
        enough = threading.Event()

        def put(writer: int) -> None:
            try:
                for number in range(1000):
                    s3.put_object(Bucket="box", Key=f"{writer}/{number}", Body=body, Metadata={"a": "b"})
                    acknowledged.append(f"{writer}/{number}")
                    if len(acknowledged) > 8:
                        enough.set()
            except Exception:
                enough.set()

        writers = [threading.Thread(target=put, args=(writer,)) for writer in range(4)]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        process.kill()
        for writer in writers:
            writer.join()
    assert len(acknowledged) > 8
    with gateway(tmp_path) as (_, s3):
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket="box")["Contents"]]
        assert set(acknowledged) <= set(keys)
        for key in keys:
            got = s3.get_object(Bucket="box", Key=key)
            assert got["Body"].read() == body
            assert got["Metadata"] == {"a": "b"}
        assert not list((tmp_path / "s3/.skewless").glob("unfinished/*"))
        last = s3.upload_part(Bucket="box", Key="parts", UploadId=upload, PartNumber=2, Body=b"end")
        parts = [{"PartNumber": number, "ETag": one["ETag"]} for number, one in enumerate((first, last), 1)]
        s3.complete_multipart_upload(
            Bucket="box", Key="parts", UploadId=upload, MultipartUpload={"Parts": parts}
        )
        got = s3.get_object(Bucket="box", Key="parts")
        assert got["Body"].read() == body * 2 + b"end"
        assert got["Metadata"] == {"a": "b"}
