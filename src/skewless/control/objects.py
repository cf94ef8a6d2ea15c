"""Whether the objects that a request names are there, asked of the storage before anything is made of them."""

from __future__ import annotations

from skewless.blobs import BlobError, BucketMissing
from skewless.control.errors import invalid
from skewless.control.plane import Members, Plane
from skewless.names import bucket_and_key


def is_object(plane: Plane, address: str) -> bool:
    """Whether there is an object of just this address. ValidationException where the storage cannot tell."""
    try:
        return plane.blobs.exists(address)
    except BucketMissing:
        return False
    except BlobError as error:
        raise invalid(str(error)) from None


def require_input(plane: Plane, where: str, source: Members | None, role: str | None) -> None:
    """ValidationException where a job's S3 data source (or S3Input) is none, or names no object."""
    if not source:
        raise invalid(f"{where}: there is no S3 data source.")
    address = source["S3Uri"]
    if not address.startswith("s3://"):
        raise invalid(f"{where}: {address!r} is no s3:// address. Write s3://BUCKET/KEY.")
    kind = source["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise invalid(
            f"{where}: S3DataType {kind} is not supported by this version. Use S3Prefix or ManifestFile."
        )
    said = ""
    try:
        found = (blob.key for blob in plane.blobs.list(address))
        # A prefix is a string, while a manifest is one object.
        if any(True for key in found if kind == "S3Prefix" or address.endswith(f"/{key}")):
            return
    except BlobError as error:
        said = f" Error message from S3: {error}"
    bucket, _ = bucket_and_key(address) or ("", "")
    allowed = (
        f', and that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}"' if role else ""
    )
    raise invalid(
        f'No S3 objects found under S3 URL "{address}" given in input data source. Please ensure that the bucket '
        f"exists in the selected region ({plane.names.region}), that objects exist under that S3 prefix{allowed}."
        f"{said}"
    )
