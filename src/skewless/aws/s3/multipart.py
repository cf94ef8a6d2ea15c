"""Uploads in parts: begin, parts, complete, abort, and lists of them."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

from skewless.aws.s3.conditions import check_write
from skewless.aws.s3.intake import PREFIX, new_sum
from skewless.aws.s3.listing import most_of
from skewless.aws.s3.objects import CHUNK, check_put, copy_bytes, kept_headers, open_source
from skewless.aws.s3.refusal import S3Refused, invalid
from skewless.aws.s3.reply import Asked, Reply, Storage, Uploaded
from skewless.aws.s3.uploads import Part, Upload, Uploads, new_id
from skewless.blobs.notes import Note

LEAST: Final = 5 << 20
"""Bytes of every part but the last, as in S3."""
MOST_PARTS: Final = 10_000
COPY_RANGE: Final = re.compile(r"bytes=(\d+)-(\d+)")


def create_multipart_upload(storage: Storage, asked: Asked) -> Reply:
    """CreateMultipartUpload."""
    check_put(storage, asked)
    if asked.key.endswith("/"):
        raise S3Refused("InvalidRequest", "A key that ends in a slash is a folder here and can hold no bytes")
    algorithm = asked.members.get("ChecksumAlgorithm")
    kind = asked.members.get("ChecksumType")
    now = time.time_ns()
    upload = Upload(
        id=new_id(now),
        key=asked.key,
        begun_ns=now,
        headers=kept_headers(asked),
        algorithm=algorithm.lower() if algorithm else None,
        whole=kind == "FULL_OBJECT" or algorithm == "CRC64NVME",
    )
    Uploads(storage.folders).begin(asked.bucket, upload)
    said = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if algorithm else {}
    return Reply(
        {
            "Bucket": asked.bucket,
            "Key": asked.key,
            "UploadId": upload.id,
            **{name: value for name, value in said.items() if value},
        }
    )


def check_part(storage: Storage, asked: Asked) -> None:
    """What can be refused before a part's bytes come."""
    storage.folders.path(asked.bucket, asked.key)
    _number(asked)
    Uploads(storage.folders).find(asked.bucket, asked.key, asked.members["UploadId"])


def _number(asked: Asked) -> int:
    number = int(asked.members["PartNumber"])
    if not 1 <= number <= MOST_PARTS:
        raise invalid(
            "partNumber", f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive", str(number)
        )
    return number


def upload_part(storage: Storage, asked: Asked, uploaded: Uploaded) -> Reply:
    """UploadPart."""
    uploads, taken = Uploads(storage.folders), uploaded.taken
    upload = uploads.find(asked.bucket, asked.key, asked.members["UploadId"])
    part = Part(_number(asked), taken.md5.hex(), taken.size, time.time_ns(), dict(taken.sums))
    uploads.put(asked.bucket, upload, part, uploaded.file)
    return Reply(headers={"etag": f'"{part.md5}"', **taken.sums})


def upload_part_copy(storage: Storage, asked: Asked) -> Reply:
    """UploadPartCopy."""
    check_part(storage, asked)
    uploads = Uploads(storage.folders)
    upload = uploads.find(asked.bucket, asked.key, asked.members["UploadId"])
    source, found = open_source(storage, asked)
    with source, storage.folders.new_file() as file:
        start, length = _stretch(asked.members.get("CopySourceRange"), found.size)
        md5 = copy_bytes(source, file, start, length)
        part = Part(_number(asked), md5.hex(), length, time.time_ns())
        uploads.put(asked.bucket, upload, part, file)
    return Reply({"CopyPartResult": {"ETag": f'"{part.md5}"', "LastModified": part.modified_ns / 1e9}})


def _stretch(text: str | None, size: int) -> tuple[int, int]:
    if text is None:
        return 0, size
    found = COPY_RANGE.fullmatch(text)
    if found is None or not int(found[1]) <= int(found[2]) < size:
        raise invalid(
            "x-amz-copy-source-range",
            f"The x-amz-copy-source-range value must be of the form bytes=first-last, inside the source's {size} bytes",
            text,
        )
    return int(found[1]), int(found[2]) - int(found[1]) + 1


def complete_multipart_upload(storage: Storage, asked: Asked) -> Reply:
    """CompleteMultipartUpload: the parts that the client names become the object, as a whole or not at all."""
    uploads = Uploads(storage.folders)
    storage.folders.path(asked.bucket, asked.key)
    upload = uploads.find(asked.bucket, asked.key, asked.members["UploadId"])
    wanted = asked.members.get("MultipartUpload", {}).get("Parts", [])
    parts = _chosen(wanted, uploads.parts(asked.bucket, upload))
    md5s = b"".join(bytes.fromhex(part.md5) for part in parts)
    etag = f"{hashlib.md5(md5s, usedforsecurity=False).hexdigest()}-{len(parts)}"
    with storage.folders.new_file() as file:
        sums = _join(uploads, asked, upload, parts, file)
        note = Note(etag, {**upload.headers, **sums}, [part.size for part in parts])
        storage.folders.put(file, asked.bucket, asked.key, note, check_write(asked.members))
    uploads.drop(asked.bucket, upload)
    return Reply(
        {
            "Location": f"/{asked.bucket}/{asked.key}",
            "Bucket": asked.bucket,
            "Key": asked.key,
            "ETag": f'"{etag}"',
            **_named(sums),
        }
    )


def _chosen(wanted: Sequence[Mapping[str, Any]], there: Sequence[Part]) -> list[Part]:
    """InvalidPart, InvalidPartOrder, EntityTooSmall."""
    numbers = [one.get("PartNumber", 0) for one in wanted]
    if not wanted:
        raise S3Refused("InvalidRequest", "You must specify at least one part")
    if numbers != sorted(set(numbers)):
        raise S3Refused("InvalidPartOrder", "The list of parts was not in ascending order.")
    by_number = {part.number: part for part in there}
    chosen = []
    for one, number in zip(wanted, numbers, strict=True):
        part = by_number.get(number)
        if part is None or one.get("ETag", "").strip('"') != part.md5 or not _sums_fit(one, part):
            raise S3Refused(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the "
                "specified entity tag may not match the part's entity tag.",
                PartNumber=str(number),
            )
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < LEAST:
            raise S3Refused(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                ProposedSize=str(part.size),
                MinSizeAllowed=str(LEAST),
                PartNumber=str(part.number),
            )
    return chosen


def _sums_fit(said: Mapping[str, Any], part: Part) -> bool:
    return all(said.get(name, text) == text for name, text in _named(part.sums).items())


def _named(sums: Mapping[str, str]) -> dict[str, str]:
    """Sums by their members' names in place of their headers'."""
    return {
        f"Checksum{name.removeprefix(PREFIX).upper() if name != PREFIX + 'type' else 'Type'}": text
        for name, text in sums.items()
    }


def _join(
    uploads: Uploads, asked: Asked, upload: Upload, parts: Sequence[Part], file: BinaryIO
) -> dict[str, str]:
    """Write the parts one after the other; the object's checksum by its headers. BadDigest."""
    whole = new_sum(upload.algorithm or "") if upload.whole else None
    for part in parts:
        with uploads.open(asked.bucket, upload, part) as source:
            while data := source.read(CHUNK):
                file.write(data)
                if whole is not None:
                    whole.update(data)
    header = f"{PREFIX}{upload.algorithm}"
    if whole is not None:
        sums = {header: base64.b64encode(whole.digest()).decode(), f"{PREFIX}type": "FULL_OBJECT"}
    else:
        sums = _sum_of_sums(upload.algorithm, [part.sums.get(header) for part in parts])
    said = asked.headers.get(header)
    if header in sums and said is not None and said.partition("-")[0] != sums[header].partition("-")[0]:
        raise S3Refused(
            "BadDigest",
            f"The {header.removeprefix(PREFIX).upper()} you specified did not match the calculated checksum.",
        )
    return sums


def _sum_of_sums(algorithm: str | None, sums: Sequence[str | None]) -> dict[str, str]:
    made = new_sum(algorithm or "")
    if made is None or None in sums:
        return {}
    for text in sums:
        made.update(base64.b64decode(text or ""))
    text = f"{base64.b64encode(made.digest()).decode()}-{len(sums)}"
    return {f"{PREFIX}{algorithm}": text, f"{PREFIX}type": "COMPOSITE"}


def abort_multipart_upload(storage: Storage, asked: Asked) -> Reply:
    """AbortMultipartUpload."""
    storage.folders.bucket(asked.bucket)
    uploads = Uploads(storage.folders)
    uploads.drop(asked.bucket, uploads.find(asked.bucket, asked.key, asked.members["UploadId"]))
    return Reply(status=204)


def list_parts(storage: Storage, asked: Asked) -> Reply:
    """ListParts."""
    storage.folders.bucket(asked.bucket)
    uploads, most = Uploads(storage.folders), most_of(asked, "MaxParts")
    upload = uploads.find(asked.bucket, asked.key, asked.members["UploadId"])
    after = int(asked.members.get("PartNumberMarker", 0))
    left = [part for part in uploads.parts(asked.bucket, upload) if part.number > after]
    shown = left[:most]
    return Reply(
        {
            "Bucket": asked.bucket,
            "Key": asked.key,
            "UploadId": upload.id,
            "PartNumberMarker": after,
            "NextPartNumberMarker": shown[-1].number if shown else 0,
            "MaxParts": most,
            "IsTruncated": len(left) > most,
            "StorageClass": "STANDARD",
            "Parts": [
                {
                    "PartNumber": part.number,
                    "LastModified": part.modified_ns / 1e9,
                    "ETag": f'"{part.md5}"',
                    "Size": part.size,
                    **_named(part.sums),
                }
                for part in shown
            ],
        }
    )


def list_multipart_uploads(storage: Storage, asked: Asked) -> Reply:
    """ListMultipartUploads."""
    storage.folders.bucket(asked.bucket)
    members, most = asked.members, most_of(asked, "MaxUploads")
    if members.get("Delimiter"):
        raise S3Refused("NotImplemented", "ListMultipartUploads takes no delimiter here")
    after = (members.get("KeyMarker", ""), members.get("UploadIdMarker", "~"))
    prefix = members.get("Prefix", "")
    left = [
        upload
        for upload in Uploads(storage.folders).all(asked.bucket)
        if upload.key.startswith(prefix) and (upload.key, upload.id) > after
    ]
    shown = left[:most]
    last = (
        {"NextKeyMarker": shown[-1].key, "NextUploadIdMarker": shown[-1].id} if len(left) > most > 0 else {}
    )
    return Reply(
        {
            "Bucket": asked.bucket,
            "Prefix": prefix,
            "MaxUploads": most,
            "IsTruncated": len(left) > most,
            **last,
            "Uploads": [
                {
                    "UploadId": upload.id,
                    "Key": upload.key,
                    "Initiated": upload.begun_ns / 1e9,
                    "StorageClass": "STANDARD",
                }
                for upload in shown
            ],
        }
    )
