"""Real clients, and requests that no good client would send, through the whole front."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from skewless.control.errors import ServiceError
from skewless.control.plane import OPERATIONS, Members, Operation, Plane
from tests.fronts import ACCESS_KEY, SECRET, client, environment
from tests.wire import captured
from tests.wire.captured import caught, of_url, refusal, send

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ],
    }
)


def test_roles_by_boto3(url: str) -> None:
    roles = client("iam", url)
    made = roles.create_role(RoleName="wire", AssumeRolePolicyDocument=TRUST, Description="ü < & >")["Role"]
    found = roles.get_role(RoleName="wire")["Role"]
    assert found["Arn"] == made["Arn"] == "arn:aws:iam::000000000000:role/wire"
    assert found["Description"] == "ü < & >"
    assert found["AssumeRolePolicyDocument"] == json.loads(TRUST)
    with pytest.raises(roles.exceptions.NoSuchEntityException, match="cannot be found") as error:
        roles.get_role(RoleName="nobody")
    assert refusal(error) == ("NoSuchEntity", 404)
    with pytest.raises(roles.exceptions.EntityAlreadyExistsException) as error:
        roles.create_role(RoleName="wire", AssumeRolePolicyDocument=TRUST)
    assert refusal(error) == ("EntityAlreadyExists", 409)


def test_the_aws_cli_asks_too(url: str) -> None:
    program = Path(sys.executable).with_name("aws")
    done = subprocess.run(
        [sys.executable, program, "sts", "get-caller-identity", "--query", "Account", "--output", "text"],
        env={**os.environ, **environment(url)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "000000000000"


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_cloudwatch_in_each_of_its_protocols(protocol: str, url: str, tmp_path: Path, plane: Plane) -> None:
    """Clients of different years chose different ones."""
    model = Loader().load_service_model("cloudwatch", "service-2")
    model["metadata"] = {**model["metadata"], "protocol": protocol, "protocols": [protocol]}
    folder = tmp_path / "cloudwatch/2010-08-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    session = boto3.session.Session(ACCESS_KEY, SECRET, region_name="us-east-1")
    session._session.get_component("data_loader").search_paths.insert(0, str(tmp_path))
    metrics = session.client("cloudwatch", endpoint_url=url)
    assert metrics.meta.service_model.resolved_protocol == protocol
    at = datetime.fromtimestamp(plane.now() / 1000, UTC)
    metrics.put_metric_data(
        Namespace="Wire",
        MetricData=[{"MetricName": protocol, "Timestamp": at, "Value": 2.5, "Unit": "Count"}],
    )
    found = metrics.get_metric_statistics(
        Namespace="Wire",
        MetricName=protocol,
        StartTime=at - timedelta(minutes=5),
        EndTime=at + timedelta(minutes=5),
        Period=60,
        Statistics=["Sum"],
    )
    assert [(point["Sum"], point["Unit"]) for point in found["Datapoints"]] == [(2.5, "Count")]
    assert found["Datapoints"][0]["Timestamp"].tzinfo is not None
    with pytest.raises(metrics.exceptions.ClientError) as error:
        metrics.list_metrics(Namespace=":wrong")
    assert refusal(error) == ("InvalidParameterValue", 400)
    with pytest.raises(ClientError, match="does not have PutDashboard of Amazon CloudWatch") as error:
        metrics.put_dashboard(DashboardName="d", DashboardBody="{}")
    assert refusal(error) == ("UnsupportedOperation", 501)


def test_long_bodies_come_packed(url: str, plane: Plane) -> None:
    at = datetime.fromtimestamp(plane.now() / 1000, UTC)
    data = [{"MetricName": f"packed-{n}", "Value": 1.0, "Timestamp": at} for n in range(400)]
    sent = caught("cloudwatch", url, "put_metric_data", Namespace="Packed", MetricData=data)
    assert ("Content-Encoding", "gzip") in sent.headers
    assert len(gzip.decompress(sent.body)) > 10_000
    assert send(url, sent).status_code == 200
    assert len(client("cloudwatch", url).list_metrics(Namespace="Packed")["Metrics"]) == 400


def test_what_is_not_there_is_named(url: str) -> None:
    with pytest.raises(
        ClientError, match=r"does not have CreateDomain of Amazon SageMaker.* It has: .*Model"
    ) as error:
        captured.client("sagemaker", url).create_domain(DomainName="d")
    assert refusal(error) == ("UnsupportedOperation", 501)
    with pytest.raises(ClientError, match="does not have CreateUser") as error:
        client("iam", url).create_user(UserName="u")
    assert refusal(error) == ("UnsupportedOperation", 501)
    with pytest.raises(ClientError, match=r"no service 'ec2'.* It has: glue, iam") as error:
        client("ec2", url).describe_instances()
    assert refusal(error) == ("UnsupportedOperation", 501)
    with pytest.raises(
        ClientError, match=r"does not have InvokeEndpointAsync.* It has: InvokeEndpoint"
    ) as error:
        client("sagemaker-runtime", url).invoke_endpoint_async(EndpointName="e", InputLocation="s3://b/k")
    assert refusal(error) == ("UnsupportedOperation", 501)


@pytest.mark.parametrize(
    ("service", "operation", "params", "missing", "mismatch", "unknown"),
    [
        (
            "glue",
            "get_job",
            {"JobName": "j"},
            "MissingAuthenticationTokenException",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
        (
            "sagemaker-runtime",
            "invoke_endpoint",
            {"EndpointName": "e", "Body": b"1"},
            "MissingAuthenticationTokenException",
            "InvalidSignatureException",
            "UnrecognizedClientException",
        ),
        (
            "iam",
            "list_roles",
            {},
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "InvalidClientTokenId",
        ),
        (
            "s3",
            "list_objects_v2",
            {"Bucket": "b"},
            "AccessDenied",
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
        ),
    ],
)
def test_nobody_else_is_let_in(
    url: str, service: str, operation: str, params: Members, missing: str, mismatch: str, unknown: str
) -> None:
    unsigned = captured.client(service, url, signature_version=UNSIGNED)
    for of, code in (
        (unsigned, missing),
        (_other(service, url, ACCESS_KEY, "wrong"), mismatch),
        (_other(service, url, "AKIAOTHER", SECRET), unknown),
    ):
        with pytest.raises(ClientError) as error:
            getattr(of, operation)(**params)
        assert refusal(error) == (code, 403)


def _other(service: str, url: str, key: str, secret: str) -> Any:
    return captured.session().client(
        service, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret
    )


def test_an_expired_url_of_s3(url: str) -> None:
    sent = of_url(
        "GET", client("s3", url).generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    )
    assert send(url, sent).status_code == 200
    old = client("s3", url).generate_presigned_url(
        "get_object", Params={"Bucket": "b", "Key": "k"}, ExpiresIn=-9
    )
    answer = send(url, of_url("GET", old))
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired" in answer.text
    assert answer.headers["content-type"] == "application/xml"


def test_s3s_app_gets_the_object(url: str) -> None:
    answer = send(url, caught("s3", url, "put_object", Bucket="b", Key="k", Body=b"abc" * 5000))
    assert answer.content == b"abc" * 5000  # no bound on bodies: they stream through
    chunked = caught("s3", url.replace("http:", "https:"), "put_object", Bucket="b", Key="k", Body=b"abc")
    answer = send(url, chunked)
    assert answer.content == b"abc"
    assert answer.headers["x-told"] == '["s3", {"x-amz-checksum-crc32": "NSRBwg=="}]'
    assert answer.headers["x-amzn-requestid"]


def test_s3s_app_never_sees_the_end_of_a_wrong_body(url: str) -> None:
    sent = caught("s3", url, "put_object", Bucket="b", Key="k", Body=b"abc")
    answer = send(url, replace(sent, body=b"abd"))
    assert answer.status_code == 400
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in answer.text


def test_an_object_whose_key_looks_like_an_endpoint(url: str) -> None:
    sent = caught("s3", url, "put_object", Bucket="endpoints", Key="e/invocations", Body=b"x")
    assert json.loads(send(url, sent).headers["x-told"])[0] == "s3"
    presigned = client("s3", url).generate_presigned_url(
        "get_object", Params={"Bucket": "endpoints", "Key": "k"}
    )
    assert json.loads(send(url, of_url("GET", presigned)).headers["x-told"])[0] == "s3"


def test_invocations_get_their_body(url: str) -> None:
    sent = caught("sagemaker-runtime", url, "invoke_endpoint", EndpointName="e", Body=b"1,2")
    answer = send(url, sent)
    assert answer.content == b"1,2"
    assert answer.headers["x-told"] == "/endpoints/e/invocations"


def test_an_error_of_ours_is_logged_and_told_without_its_text(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(plane: Plane, request: Members) -> Members:
        raise ZeroDivisionError(f"secret of {plane.names.region} {request}")

    monkeypatch.setitem(OPERATIONS, ("iam", "ListRoles"), Operation("iam", "ListRoles", breaks, ()))
    with pytest.raises(ClientError) as error:
        client("iam", url).list_roles()
    assert refusal(error) == ("InternalFailure", 500)
    assert "secret" not in str(error.value)
    logged = [record for record in caplog.records if record.exc_info]
    assert len(logged) == 1
    assert error.value.response["ResponseMetadata"]["RequestId"] in logged[0].getMessage()


def test_an_answer_that_the_model_does_not_have_is_an_error_of_ours(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for of, name, boto in (("iam", "ListRoles", "list_roles"), ("glue", "GetJobs", "get_jobs")):
        operation = Operation(of, name, lambda plane, request: {"Nonsense": 1}, ())
        monkeypatch.setitem(OPERATIONS, (of, name), operation)
        with pytest.raises(ClientError, match="InternalFailure"):
            getattr(client(of, url), boto)()


def test_codes_of_operations_reach_the_client(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(plane: Plane, request: Members) -> Members:
        raise ServiceError("ResourceInUse", f"'{request['ModelName']}' is in use in {plane.names.region}.")

    monkeypatch.setitem(
        OPERATIONS, ("sagemaker", "DeleteModel"), Operation("sagemaker", "DeleteModel", refuses, ())
    )
    models = client("sagemaker", url)
    with pytest.raises(models.exceptions.ResourceInUse, match="'m' is in use in us-east-1") as error:
        models.delete_model(ModelName="m")
    assert refusal(error) == ("ResourceInUse", 400)
