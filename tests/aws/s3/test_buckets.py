"""Buckets and lists of what is in them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.aws.s3 import S3App
from skewless.names import ACCOUNT
from tests.aws.s3.conftest import Server
from tests.aws.s3.test_objects import refusal
from tests.fronts import client, front
from tests.planes import plane


def test_a_bucket_from_first_to_last(s3: Any, server: Server, bucket: str) -> None:
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    s3.create_bucket(Bucket=bucket)  # in this region, AWS says nothing to this
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"1"
    assert refusal(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="a/b")
    (server.folder / bucket / "empty/folders").mkdir(parents=True)
    s3.delete_bucket(Bucket=bucket)
    assert not (server.folder / bucket).exists()
    assert refusal(s3.delete_bucket, Bucket=bucket) == ("NoSuchBucket", 404)
    assert refusal(s3.head_bucket, Bucket=bucket) == ("404", 404)


@pytest.mark.parametrize(
    "name", ["Upper", "under_score", "127.0.0.1", "a..b", "-a-b", "xn--abc", "ab-s3alias", ".skewless"]
)
def test_names_that_no_bucket_has(s3: Any, name: str) -> None:
    assert refusal(s3.create_bucket, Bucket=name) in [("InvalidBucketName", 400)]
    assert refusal(s3.list_objects_v2, Bucket=name) == ("NoSuchBucket", 404)


def test_the_owner_is_told_apart(s3: Any, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=ACCOUNT)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ExpectedBucketOwner=ACCOUNT)
    other: dict[str, Any] = {"Bucket": bucket, "ExpectedBucketOwner": "111122223333"}
    assert refusal(s3.head_bucket, **other) == ("403", 403)
    assert refusal(s3.put_object, **other, Key="k", Body=b"2") == ("AccessDenied", 403)
    assert refusal(s3.get_object, **other, Key="k") == ("AccessDenied", 403)
    assert refusal(s3.head_bucket, **{**other, "Bucket": "none-here"}) == ("404", 404)


def test_a_region_of_its_own(tmp_path: Path) -> None:
    app = S3App(tmp_path / "s3", "eu-west-1")
    with plane(tmp_path) as ground, front(ground, s3=app) as url:
        s3 = client("s3", url)
        where = {"LocationConstraint": "eu-west-1"}
        s3.create_bucket(Bucket="box", CreateBucketConfiguration=where)
        assert s3.get_bucket_location(Bucket="box")["LocationConstraint"] == "eu-west-1"
        with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket="box", CreateBucketConfiguration=where)
        assert refusal(s3.create_bucket, Bucket="bax")[0] == "IllegalLocationConstraintException"
        elsewhere = {"Bucket": "bax", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
        assert refusal(s3.create_bucket, **elsewhere)[0] == "IllegalLocationConstraintException"
    app.close()


def test_pages(s3: Any, server: Server, bucket: str) -> None:
    keys = [*(f"{folder}/{number:02d}/x" for folder in ("p", "q") for number in range(12)), "z"]
    for key in keys:
        path = server.folder / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for operation in ("list_objects", "list_objects_v2"):
        pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 5}))
        assert [len(page["Contents"]) for page in pages] == [5, 5, 5, 5, 5]
        assert [one["Key"] for page in pages for one in page["Contents"]] == keys
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket=bucket, Prefix="p/", Delimiter="/", PaginationConfig={"PageSize": 5}
            )
        )
        shown = [one["Prefix"] for page in pages for one in page["CommonPrefixes"]]
        assert shown == [f"p/{number:02d}/" for number in range(12)]
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/", FetchOwner=True)
    assert [one["Prefix"] for one in top["CommonPrefixes"]] == ["p/", "q/"]
    assert [one["Key"] for one in top["Contents"]] == ["z"]
    assert (top["KeyCount"], top["IsTruncated"]) == (3, False)
    assert top["Contents"][0]["Owner"]["DisplayName"] == "skewless"
    rest = s3.list_objects_v2(Bucket=bucket, StartAfter="q/10/x")
    assert [one["Key"] for one in rest["Contents"]] == ["q/11/x", "z"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    wrong = {"Bucket": bucket, "ContinuationToken": "?"}
    assert refusal(s3.list_objects_v2, **wrong) == ("InvalidArgument", 400)
    names = [
        one["Name"]
        for page in s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1})
        for one in page["Buckets"]
    ]
    assert bucket in names
    assert names == sorted(set(names))


SEGMENTS = st.sampled_from(["a", "b", "a-", "a.", "a0", "é", "ab", "\U0001f600"])
KEYS = st.lists(
    st.lists(SEGMENTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12, unique=True
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=KEYS,
    prefix=st.sampled_from(["", "a", "a/", "a/b", "b/"]),
    delimiter=st.sampled_from(["", "/", "a", "-"]),
    size=st.integers(1, 4),
)
def test_lists_are_what_strings_say(
    s3: Any, bucket: str, server: Server, keys: list[str], prefix: str, delimiter: str, size: int
) -> None:
    """Against the definition: sorted keys, cut at the delimiter."""
    for path in sorted((server.folder / bucket).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    there = set()
    for key in keys:
        path = server.folder / bucket / key
        with suppress(
            FileExistsError, NotADirectoryError, IsADirectoryError
        ):  # a file and a folder of one name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            there.add(key)
    wanted: dict[str, None] = {}
    for key in sorted(there, key=str.encode):
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            wanted[prefix + head + found if found else key] = None
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter=delimiter, PaginationConfig={"PageSize": size}
    )
    shown = []
    for page in pages:
        one = [entry["Key"] for entry in page.get("Contents", [])]
        one += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert len(one) <= size
        shown += sorted(one, key=str.encode)
    assert shown == list(wanted)
