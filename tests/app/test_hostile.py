"""Clients that mean harm, against a real gateway: nothing outside its folder is read or written, and it goes on."""

from __future__ import annotations

import http.client
import io
import json
import socket
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from skewless.aws.front import MOST_BYTES
from skewless.aws.model import signed_for_s3
from tests.app.cars import XGBOOST
from tests.gateways import Gateway, gateway, until
from tests.requests import CONFIG, PROCESSING, TRAINING, TRANSFORM, changed
from tests.wire.captured import catch, send

SECRET: Final = "the canary's song"
BUCKET: Final = "cage"
SERVICES: Final = {
    "cloudwatch": "list_metrics",
    "glue": "list_jobs",
    "iam": "list_roles",
    "logs": "describe_log_groups",
    "s3": "list_buckets",
    "sagemaker": "list_models",
    "sts": "get_caller_identity",
}


@dataclass
class Cage:
    """A gateway with something beside its folder that it has no business with."""

    up: Gateway
    around: Path

    @property
    def canary(self) -> Path:
        return self.around / "canary"

    @property
    def out(self) -> str:
        """The way from a bucket's folder to the canary."""
        return "../../../canary"

    def client(self, service: str, **options: Any) -> Any:
        """One that lets everything pass, so that the gateway has to refuse it."""
        return self.up.client(service, parameter_validation=False, **options)

    def look(self) -> None:
        """Nothing has got out, and the gateway is as well as ever."""
        assert self.canary.read_text() == SECRET
        assert sorted(path.name for path in self.around.iterdir()) == ["canary", "data"]
        assert self.up.process.poll() is None
        assert self.client("sts").get_caller_identity()["Account"] == "000000000000"
        assert SECRET not in self.up.output()


@pytest.fixture(scope="module")
def cage_for_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cage]:
    around = tmp_path_factory.mktemp("around")
    (around / "canary").write_text(SECRET)
    with gateway(around / "data") as up:
        up.client("s3").create_bucket(Bucket=BUCKET)
        yield Cage(up, around)
    assert "Traceback" not in up.output()


@pytest.fixture
def cage(cage_for_all: Cage) -> Iterator[Cage]:
    yield cage_for_all
    cage_for_all.look()


def refused(call: Callable[..., Any], **members: Any) -> tuple[str, str]:
    """Code and message of the refusal."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500, caught.value
    error = caught.value.response["Error"]
    assert SECRET not in str(caught.value.response)
    return error["Code"], error["Message"]


# Who they are.


@pytest.mark.parametrize(("service", "operation"), SERVICES.items())
def test_a_wrong_secret_opens_nothing(cage: Cage, service: str, operation: str) -> None:
    keys = {"aws_access_key_id": cage.up.identity.access_key, "aws_secret_access_key": "x" * 40}
    other = boto3.client(service, endpoint_url=cage.up.running.url, region_name="us-east-1", **keys)
    code, _ = refused(getattr(other, operation))
    assert code in ("InvalidSignatureException", "SignatureDoesNotMatch")


def test_an_expired_url_opens_nothing(cage: Cage) -> None:
    s3 = cage.client("s3", signature_version="s3v4")
    s3.put_object(Bucket=BUCKET, Key="song", Body=b"la")
    good = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "song"})
    assert httpx.get(good).content == b"la"
    short = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "song"}, ExpiresIn=1)
    answer = until(lambda: answer if (answer := httpx.get(short)).status_code == 403 else None)
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.text
    # Who moves its end changes what was signed.
    longer = httpx.get(short.replace("X-Amz-Expires=1", "X-Amz-Expires=604800"))
    assert (longer.status_code, "SignatureDoesNotMatch" in longer.text) == (403, True)


@pytest.mark.parametrize(
    ("service", "operation", "members"),
    [
        ("sagemaker", "delete_model", {"ModelName": "innocent"}),
        ("glue", "delete_job", {"JobName": "innocent"}),
        ("iam", "delete_role", {"RoleName": "innocent"}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "replayed", "Body": b"innocent"}),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"innocent"}),
    ],
)
def test_a_replayed_request_cannot_say_something_else(
    cage: Cage, service: str, operation: str, members: dict[str, Any]
) -> None:
    sent = catch(cage.client(service), operation, **members)
    assert b"innocent" in sent.body
    answer = send(cage.up.running.url, replace(sent, body=sent.body.replace(b"innocent", b"wicked!!")))
    assert answer.status_code in (400, 403)
    assert any(
        code in answer.text + answer.headers.get("x-amzn-errortype", "")
        for code in ("Signature", "XAmzContentSHA256Mismatch")
    )
    assert "Contents" not in cage.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="replayed")


# What they call things.

NAMES: Final = (
    "..",
    "../../canary",
    "a/../../canary",
    "/etc/passwd",
    "a\0b",
    "%2e%2e%2fcanary",
    "x" * 5000,
    "a\nb",
)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_of_things_are_no_paths(cage: Cage, name: str) -> None:
    sagemaker = cage.client("sagemaker")
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    for create, request, member in (
        ("create_model", {"ExecutionRoleArn": cage.up.role, "PrimaryContainer": container}, "ModelName"),
        ("create_endpoint_config", CONFIG, "EndpointConfigName"),
        ("create_endpoint", {"EndpointConfigName": "none"}, "EndpointName"),
        ("create_training_job", TRAINING, "TrainingJobName"),
        ("create_processing_job", PROCESSING, "ProcessingJobName"),
        ("create_transform_job", TRANSFORM, "TransformJobName"),
    ):
        code, message = refused(getattr(sagemaker, create), **{**request, member: name})
        assert code == "ValidationException"
        assert "failed to satisfy constraint" in message
    runtime = cage.client("sagemaker-runtime")
    refused(runtime.invoke_endpoint, EndpointName=name, Body=b"1")


@pytest.mark.parametrize("name", ["..", "../../canary", "a/../../canary", "/etc/passwd", "/.."])
def test_log_groups_and_streams_are_no_paths(cage: Cage, name: str) -> None:
    """CloudWatch lets groups be called so, and they lie in files; each is found again under its name and goes."""
    logs = cage.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=name)
    logs.put_log_events(
        logGroupName=name,
        logStreamName=name,
        logEvents=[{"timestamp": int(time.time() * 1000), "message": "tweet"}],
    )
    events = logs.get_log_events(logGroupName=name, logStreamName=name, startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["tweet"]
    cage.look()
    logs.delete_log_group(logGroupName=name)
    refused(logs.delete_log_group, logGroupName="../s3")
    assert (cage.up.data_dir / "s3" / BUCKET).is_dir()


def test_a_glue_jobs_name_is_no_path(cage: Cage) -> None:
    """Glue lets jobs be called nearly anything."""
    glue, s3 = cage.client("glue"), cage.client("s3")
    s3.put_object(Bucket=BUCKET, Key="tweet.py", Body=b"print('tweet')")
    location = f"s3://{BUCKET}/tweet.py"
    for name in ("../../../canary", "/etc"):
        command = {"Name": "pythonshell", "ScriptLocation": location, "PythonVersion": "3"}
        glue.create_job(Name=name, Role=cage.up.role, Command=command)
        run = glue.start_job_run(JobName=name)["JobRunId"]
        shown = until(partial(ended_run, glue, name, run))
        assert shown["JobRunState"] == "SUCCEEDED", shown
        glue.delete_job(JobName=name)
    refused(
        glue.create_job,
        Name="a\0b",
        Role=cage.up.role,
        Command={"Name": "glueetl", "ScriptLocation": location},
    )
    refused(
        glue.create_job,
        Name="x" * 256,
        Role=cage.up.role,
        Command={"Name": "glueetl", "ScriptLocation": location},
    )


def ended_run(glue: Any, job: str, run: str) -> dict[str, Any] | None:
    shown: dict[str, Any] = glue.get_job_run(JobName=job, RunId=run)["JobRun"]
    return shown if shown["JobRunState"] in ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT") else None


@pytest.mark.parametrize(
    "target",
    [
        "/cage/../../../canary",
        "/cage/%2e%2e/%2e%2e/%2e%2e/canary",
        "/cage/..%2f..%2f..%2fcanary",
        "/cage/%252e%252e/%252e%252e/canary",
        "/%2e%2e/%2e%2e/canary",
        "/..%2f..%2fcanary",
        "/cage%2f..%2f..%2f..%2fcanary",
        "/cage/a%00b",
        "//etc/passwd",
        "/cage//etc/passwd",
        "/cage/..\\..\\..\\canary",
        "/..?list-type=2&prefix=",
        "/cage?list-type=2&prefix=../../../",
        "/endpoints/../canary/invocations",
        "/endpoints/..%2f..%2fcanary/invocations",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_addresses_sent_as_they_are(cage: Cage, method: str, target: str) -> None:
    """Clients tidy such paths up; these are signed and sent as they stand."""
    url = cage.up.running.url
    headers = {"host": urlsplit(url).netloc}
    keys = (cage.up.identity.access_key, cage.up.identity.secret_key)
    body = None if method == "GET" else b"wicked"
    signed = signed_for_s3(method, url + target, headers, None, "us-east-1", *keys)
    connection = http.client.HTTPConnection(headers["host"], timeout=30)
    connection.putrequest(method, target, skip_host=True)
    for name, value in {**signed, "content-length": str(len(body or b""))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert SECRET.encode() not in said
    if method == "GET" and "prefix=.." in target:
        assert b"<Contents>" not in said
    elif (answer.status, method) != (204, "DELETE"):
        assert 400 <= answer.status < 500, said


# What they have it read and write.


def test_addresses_in_requests_stay_in_their_bucket(cage: Cage) -> None:
    sagemaker, glue = cage.client("sagemaker"), cage.client("glue")
    (cage.up.data_dir / "s3" / BUCKET / "link").symlink_to(cage.canary)
    cage.client("s3").put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"1,2\n" * 20)
    for number, key in enumerate((cage.out, "link", "in/../../../../canary", "%2e%2e/%2e%2e/%2e%2e/canary")):
        address = f"s3://{BUCKET}/{key}"
        container = {"Image": XGBOOST, "ModelDataUrl": address}
        model = {"ModelName": f"m{number}", "ExecutionRoleArn": cage.up.role, "PrimaryContainer": container}
        refused(sagemaker.create_model, **model)
        path = "InputDataConfig.0.DataSource.S3DataSource.S3Uri"
        refused(
            sagemaker.create_training_job, **changed({**TRAINING, "RoleArn": cage.up.role}, path, address)
        )
        command = {"Name": "pythonshell", "ScriptLocation": address, "PythonVersion": "3"}
        try:
            glue.create_job(Name=f"g{number}", Role=cage.up.role, Command=command)
        except ClientError:
            continue
        run = glue.start_job_run(JobName=f"g{number}")["JobRunId"]
        shown = until(partial(ended_run, glue, f"g{number}", run))
        assert shown["JobRunState"] == "FAILED"
        assert SECRET not in json.dumps(shown, default=str)


def test_outputs_stay_in_their_bucket(cage: Cage) -> None:
    cage.client("s3").put_object(Bucket=BUCKET, Key="out/a.csv", Body=b"1,2\n" * 20)
    sagemaker = cage.client("sagemaker")
    request = {**TRAINING, "RoleArn": cage.up.role, "TrainingJobName": "getting-out"}
    for number in range(2):
        request = changed(
            request, f"InputDataConfig.{number}.DataSource.S3DataSource.S3Uri", f"s3://{BUCKET}/out/"
        )
    request = changed(request, "OutputDataConfig.S3OutputPath", f"s3://{BUCKET}/../../../wicked")
    sagemaker.create_training_job(**request)

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName="getting-out")
        return None if shown["TrainingJobStatus"] == "InProgress" else shown

    shown = until(ended)
    assert shown["TrainingJobStatus"] == "Failed"
    assert "wicked" in shown["FailureReason"]


def tar(**members: bytes | str) -> bytes:
    """An archive; text is where a link leads."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_archives_unpack_in_their_place(cage: Cage) -> None:
    wicked: dict[str, dict[str, bytes | str]] = {
        "upwards": {"../../../../canary": b"wicked"},
        "absolute": {str(cage.canary): b"wicked"},
        "through-a-link": {"way": str(cage.around), "way/canary": b"wicked"},
        "by-a-link": {"xgboost-model": str(cage.canary)},
    }
    sagemaker = cage.client("sagemaker")
    for name, members in wicked.items():
        cage.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=tar(**members))
        container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=cage.up.role, PrimaryContainer=container)
        variant = {**CONFIG["ProductionVariants"][0], "ModelName": name}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    def settled(name: str) -> dict[str, Any] | None:
        shown: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        return None if shown["EndpointStatus"] == "Creating" else shown

    for name in wicked:
        shown = until(partial(settled, name), 120)
        assert shown["EndpointStatus"] == "Failed"
        assert f"s3://{BUCKET}/{name}.tar.gz" in shown["FailureReason"]
        assert SECRET not in shown["FailureReason"]
    assert cage.up.children() == []
    assert list(cage.up.folder.endpoints.iterdir()) == []


# How they send it.


def test_too_much_is_refused_before_it_is_read(cage: Cage) -> None:
    """By what the request says of itself: no byte of the body is sent."""
    for service, operation, members in (
        *((name, operation, {}) for name, operation in SERVICES.items() if name != "s3"),
        ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"1"}),
    ):
        sent = catch(cage.client(service), operation, **members).with_header(
            "Content-Length", str(MOST_BYTES + 1)
        )
        assert said(cage, sent.method, sent.path.decode(), sent.headers).startswith(b"HTTP/1.1 413 "), service


def said(cage: Cage, method: str, path: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    place = urlsplit(cage.up.running.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=30) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        answer = b""
        while part := client.recv(1 << 16):
            answer += part
    return answer


def test_without_a_signature_nothing_is_told(cage: Cage) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", f"/{BUCKET}"),
        ("POST", "/endpoints/e/invocations"),
        ("PUT", "/x"),
    ):
        answer = httpx.request(method, cage.up.running.url + path)
        assert answer.status_code == 403, (method, path)
        assert str(cage.around) not in answer.text


def test_a_crowd_that_says_nothing_keeps_nobody_out(cage: Cage) -> None:
    place = urlsplit(cage.up.running.url)
    crowd = [socket.create_connection((str(place.hostname), place.port or 0)) for _ in range(500)]
    try:
        for number, one in enumerate(crowd):
            one.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx"[: number % 60])
        assert cage.client("sagemaker").list_models()["Models"] is not None
        assert cage.client("s3", connect_timeout=5).list_buckets()["Buckets"]
    finally:
        for one in crowd:
            one.close()


def test_by_default_it_listens_to_this_machine_alone(cage: Cage) -> None:
    own = set[str]()
    for pid in (cage.up.process.pid, *cage.up.children()):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # connections of other tests end meanwhile
                own.add(link.readlink().name)
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{cage.up.process.pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in own and (fields[3] == "0A" or table.startswith("udp")):
                listening.append(fields[1].split(":")[0])
    assert listening == ["0100007F"]


def test_its_folder_is_its_owners(cage: Cage) -> None:
    assert cage.up.data_dir.stat().st_mode & 0o077 == 0
