"""Gateways whose state lies in PostgreSQL, and whose objects lie in another S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.app.cars import BUCKET
from tests.app.works import LASTING, Works
from tests.gateways import Gateway, gateway, start, until
from tests.pipelines import CAR


def test_state_in_postgresql(tmp_path: Path, artifacts: Path, postgres_url: str) -> None:
    """An endpoint and jobs; killed and up again, all is there, and what ran is told of."""
    first = start(tmp_path / "up", "--database", postgres_url)
    try:
        works = Works(first, artifacts)
        assert works.cars.endpoint("lasting", "small")["EndpointStatus"] == "InService"
        assert works.cars.invoke("lasting") == b"vgood"
        done = works.transform(CAR + b"\n")
        assert works.ended(done)["Status"] == "Completed"
        lost = works.processing(LASTING)
        until(lambda: works.begun(lost))
    finally:
        first.kill()
    assert not (tmp_path / "up" / "state.db").exists()
    with gateway(tmp_path / "up", "--database", postgres_url) as second:
        works.up, works.cars.gateway = second, second
        works.sagemaker = works.cars.sagemaker = second.client("sagemaker")
        works.cars.runtime = second.client("sagemaker-runtime")
        assert works.shown(done)["Status"] == "Completed"
        assert "Create the job again" in works.shown(lost)["FailureReason"]
        assert works.cars.invoke("lasting") == b"vgood"
        works.cars.clean()
        works.nothing_left()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Gateway]:
    """Another S3: a second gateway's."""
    with gateway(tmp_path / "far") as up:
        yield up


def test_objects_in_another_s3(
    far: Gateway, tmp_path: Path, artifacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKEWLESS_S3_ACCESS_KEY", far.identity.access_key)
    monkeypatch.setenv("SKEWLESS_S3_SECRET_KEY", far.identity.secret_key)
    with gateway(tmp_path / "near", "--s3", far.running.url) as near:
        near.client("s3").create_bucket(Bucket=BUCKET)
        for file in artifacts.glob("*.tar.gz"):
            near.client("s3").upload_file(str(file), BUCKET, file.name)
        assert (far.folder.s3 / BUCKET / "model.tar.gz").read_bytes() == (
            artifacts / "model.tar.gz"
        ).read_bytes()
        (near.folder.s3 / BUCKET).mkdir()  # nothing is looked for there
        works = Works(near, artifacts)
        assert works.cars.endpoint("from-afar", "small")["EndpointStatus"] == "InService"
        assert works.cars.invoke("from-afar") == b"vgood"
        transform, training = works.transform(CAR + b"\n"), works.training()
        processing = works.processing("open('/opt/ml/processing/output/a.txt', 'w').write('made')")
        for name in (transform, training, processing):
            shown = works.ended(name)
            assert shown["Status"] == "Completed", shown
        (scored,) = (far.folder.s3 / "works" / "scored" / transform).iterdir()
        assert scored.read_bytes().strip() == b"vgood"
        assert (far.folder.s3 / "works" / "xgb" / training / "output" / "model.tar.gz").is_file()
        assert (far.folder.s3 / "works" / "made" / processing / "a.txt").read_text() == "made"
        assert list((near.folder.s3 / BUCKET).iterdir()) == []
        works.cars.clean()
        works.nothing_left()
        far.stop()
        with pytest.raises(ClientError) as caught:
            near.client("s3").list_buckets()
        assert caught.value.response["Error"]["Code"] == "ServiceUnavailable"
        with pytest.raises(ClientError, match="did not do it"):
            works.sagemaker.create_model(
                ModelName="late", ExecutionRoleArn=near.role, Containers=works.cars.containers("small")
            )
        assert near.client("sts").get_caller_identity()["Account"] == "000000000000"
