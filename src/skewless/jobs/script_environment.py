"""What a user's script finds around it: the services' addresses, its programs on the path, its private folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from skewless.blobs import Blobs, open_blobs
from skewless.jobs.job import Job
from skewless.jobs.script_process import Cover
from skewless.services import Services

# The gateway's own settings for these would send the script elsewhere, or change what it computes.
_NOT_INHERITED: Final = ("AWS_", "SKEWLESS_", "SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "TMPDIR")


def environment_of(job: Job, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a job's script, without what the user asks for."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(_NOT_INHERITED)}
    no_proxy = ",".join(filter(None, (kept.get("no_proxy") or kept.get("NO_PROXY"), "127.0.0.1,localhost")))
    return {
        **kept,
        **_services(job.asked.services),
        "PATH": os.pathsep.join([str(job.folder / "bin"), kept.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
        "no_proxy": no_proxy,
        "NO_PROXY": no_proxy,
    }


def _services(services: Services) -> dict[str, str]:
    """As the AWS SDKs read them. Files of settings are shut out: a profile in them could name another endpoint."""
    elsewhere = services.s3_endpoint_url if services.s3_folder is None else None
    return {
        "AWS_ENDPOINT_URL": services.endpoint_url,
        **({"AWS_ENDPOINT_URL_S3": elsewhere} if elsewhere else {}),
        "AWS_REGION": services.region,
        "AWS_DEFAULT_REGION": services.region,
        "AWS_ACCESS_KEY_ID": services.access_key,
        "AWS_SECRET_ACCESS_KEY": services.secret_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def blobs_of(job: Job) -> Blobs:
    """The storage that the job's addresses are in."""
    services = job.asked.services
    return open_blobs(
        s3_folder=services.s3_folder,
        s3_endpoint_url=services.s3_endpoint_url,
        region=services.region,
        access_key=services.access_key,
        secret_key=services.secret_key,
    )


def write_programs(job: Job, programs: Mapping[str, str]) -> None:
    """Put programs before all others on the script's path, each by its name and what Python is to be started with.

    ``python`` and ``python3`` are this very Python where nothing else is given.
    """
    folder = job.folder / "bin"
    folder.mkdir(exist_ok=True)
    for name, arguments in {"python": "", "python3": "", **programs}.items():
        # A script and no link: Python finds its environment by the path that it was started with.
        (folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (folder / name).chmod(0o755)


def private_tmp(job: Job) -> Cover:
    """A /tmp of the script's own, as on a machine of its own: scripts write to fixed names there.

    What the job needs itself, and lies in the machine's /tmp, is kept.
    """
    folder = job.folder / "tmp"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o1777)
    needed = [
        *(job.folder, job.asked.services.s3_folder, os.environ.get("JAVA_HOME")),
        *(sys.prefix, sys.base_prefix, *sys.path, Path.home(), os.environ.get("XDG_CACHE_HOME")),
    ]
    return Cover("/tmp", str(folder), _inside(Path("/tmp"), [Path(one) for one in needed if one]))


def _inside(folder: Path, paths: Iterable[Path]) -> list[str]:
    """The existing ones of these paths that lie in a folder, without those that lie in each other."""
    inside = {path.resolve() for path in paths if path.exists()}
    inside = {path for path in inside if folder in path.parents}
    return sorted(str(path) for path in inside if not inside.intersection(path.parents))
