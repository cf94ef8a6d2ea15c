"""What a user's script finds around it: the services' addresses, its programs on the path, its private folders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from skewless.blobs import Blobs, BucketMissing, open_blobs
from skewless.jobs.job import Job
from skewless.names import bucket_and_key
from skewless.programs import surroundings
from skewless.programs.program import Cover
from skewless.programs.surroundings import clean_environment
from skewless.services import Services


def environment_of(job: Job, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a job's script, without what the user asks for."""
    clean = clean_environment(inherited)
    path = os.pathsep.join([str(job.folder / "bin"), clean.get("PATH", os.defpath)])
    return {**clean, **_services(job.asked.services), "PATH": path}


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


def require_bucket(blobs: Blobs, address: str) -> None:
    """BucketMissing before a job's work rather than after it."""
    bucket, _ = bucket_and_key(address) or ("", "")
    if not blobs.exists(f"s3://{bucket}/"):
        raise BucketMissing(
            "there is no such bucket for the artifact",
            uri=f"s3://{bucket}",
            hint=f"Check S3OutputPath, or create it: aws s3 mb s3://{bucket}",
        )


def write_programs(job: Job, programs: Mapping[str, str]) -> None:
    """Put programs before all others on the script's path."""
    surroundings.write_programs(job.folder / "bin", programs)


def private_tmp(job: Job, *more: Path) -> Cover:
    """A /tmp of the script's own; what the job needs itself is kept, and ``more``."""
    needed = (job.folder, job.asked.services.s3_folder, os.environ.get("JAVA_HOME"), *more)
    return surroundings.private_tmp(job.folder / "tmp", needed)
