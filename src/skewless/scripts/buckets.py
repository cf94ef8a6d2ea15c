"""Spark's way to ``s3://`` and ``s3a://`` paths: Hadoop's view file system over the folder of buckets.

The view wants every bucket named. It reads them from files in a folder, when a bucket is first used; so a new file is
written whenever there are other buckets than before, and that is looked up before each call into the JVM: a script may
make a bucket and write to it in the next line.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from py4j.java_gateway import GatewayClient

from skewless.blobs.keys import is_bucket_name

_VIEW: Final = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_RAW: Final = "org.apache.hadoop.fs.RawLocalFileSystem"
_COMMITTERS: Final = "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory"
_LOCAL: Final = "raw-file"
"""A scheme of ours for local files without checksum files beside them, which no S3 has. Under ``file`` Hadoop itself
relies on the other kind."""

SCHEMES: Final = ("s3", "s3a", "s3n")


class Buckets:
    """The mount tables of a folder of buckets."""

    def __init__(self, buckets: Path, tables: Path) -> None:
        self._buckets = buckets
        self._tables = tables
        self._known: list[str] | None = None
        self._number = 0
        tables.mkdir(exist_ok=True)
        self.refresh()

    def conf(self) -> dict[str, str]:
        """Spark's settings for it."""
        return {
            **{f"spark.hadoop.fs.{scheme}.impl": _VIEW for scheme in SCHEMES},
            f"spark.hadoop.fs.{_LOCAL}.impl": _RAW,
            # By default s3a has one of its own, which is not in pyspark's jars.
            "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": _COMMITTERS,
            "spark.hadoop.fs.viewfs.mounttable.path": f"file://{self._tables}",
        }

    def refresh(self) -> None:
        """Write the next table if there are other buckets than in the last one."""
        found = sorted(os.listdir(self._buckets))  # noqa: PTH208 - before each call, and several times faster
        if found == self._known:
            return
        self._known = found
        self._number += 1
        links = (
            f"<property><name>fs.viewfs.mounttable.{name}.linkFallback</name>"
            f"<value>{_LOCAL}:{quote(str(self._buckets / name))}</value></property>\n"
            for name in filter(is_bucket_name, found)
        )
        # The reader takes the highest number, and must not see half a file.
        part = self._tables.with_name("table.part")
        part.write_text(f"<configuration>\n{''.join(links)}</configuration>\n")
        part.replace(self._tables / f"mount-table.{self._number}.xml")

    def keep_fresh(self) -> None:
        """Look before each call into the JVM from now on."""
        send: Any = GatewayClient.send_command

        @functools.wraps(send)
        def send_command(client: Any, *arguments: Any, **named: Any) -> Any:
            self.refresh()
            return send(client, *arguments, **named)

        GatewayClient.send_command = send_command
