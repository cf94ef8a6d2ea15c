"""Transform jobs over a folder of buckets: the real child process, and this one for many cases."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skewless.bundles.bundle import save
from skewless.containers.base import Answer
from skewless.containers.definitions import pipeline_of
from skewless.containers.pipeline import Pipeline
from skewless.errors import SettingError, SkewlessError, UnsupportedError
from skewless.jobs import transform_job
from skewless.jobs.job import Job, Outcome
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.schema import STRING, Field, Schema
from tests.builders import graph, stage
from tests.jobs.transform_jobs import Store, outcome, request, sparkml, store_of
from tests.pipelines import CAR, CAR_LABEL, CAR_SCHEMA, LABEL_SCHEMA, PRICY, PRICY_LABEL, build, change

SEE_LOGS = "See job logs for more information"
LINES = "application/jsonlines"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The car example's artifacts, and one that skips what it does not know."""
    folder = build(tmp_path_factory.mktemp("models")).parent
    labels = ("a", "b", "a\nb")
    stages = [
        stage("index", StringIndexer(labels, "skip"), ["x"], ["i"]),
        stage("name", IndexToString(labels), ["i"], ["out"]),
    ]
    save(
        graph(*stages),
        folder / "skip.tar.gz",
        engine="tests",
        inputs=Schema((Field("x", STRING),)),
        rows=None,
    )
    return folder


@pytest.fixture
def cars(models: Path, tmp_path: Path) -> Store:
    """The published model's three containers."""
    return store_of(
        models,
        tmp_path,
        sparkml("model.tar.gz", CAR_SCHEMA),
        {"Image": "xgboost:latest", "ModelDataUrl": "s3://models/xgb.tar.gz"},
        sparkml("postprocess.tar.gz", LABEL_SCHEMA),
    )


@pytest.fixture
def skipping(models: Path, tmp_path: Path) -> Store:
    """Answers a, b, and a with b behind a line end; drops anything else."""
    told = {"input": [{"name": "x", "type": "string"}], "output": {"name": "out", "type": "string"}}
    return store_of(models, tmp_path, sparkml("skip.tar.gz", told))


@pytest.fixture
def here() -> Iterator[Callable[[Store, dict[str, Any]], Outcome]]:
    """Runs a job in this process, whose signals come through again afterwards."""

    def run(store: Store, members: dict[str, Any]) -> Outcome:
        return transform_job.run(Job(store.asked(members)))

    yield run
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


Here = Callable[[Store, dict[str, Any]], Outcome]


def test_the_published_model_over_a_prefix(cars: Store) -> None:
    """A real process: every object answered below the output path, gzip and markers told apart, streams named."""
    many = b"\n".join([CAR, PRICY] * 3000)
    cars.put("in/a.csv", CAR + b"\n" + PRICY + b"\n")
    cars.put("in/deep/b.csv", many)
    cars.put("in/empty.csv", b"")
    cars.put("other/c.csv", CAR)
    assert cars.run(request()) == Outcome("Completed"), cars.logs
    assert cars.keys("out") == ["out/a.csv.out", "out/deep/b.csv.out", "out/empty.csv.out"]
    pair = CAR_LABEL + b"\n" + PRICY_LABEL + b"\n"
    assert cars.get("out/a.csv.out") == pair
    assert cars.get("out/deep/b.csv.out") == pair * 3000
    assert cars.get("out/empty.csv.out") == b""
    assert re.fullmatch(
        r"MaxConcurrentTransforms=\d+, MaxPayloadInMB=5, BatchStrategy=SINGLE_RECORD", cars.data_log[0]
    )
    assert cars.data_log[1:] == []
    streams = set(re.findall(r"^\x1e(.*?)\x1f", cars.logs, re.M))
    assert streams == {"data-log", "container-1", "container-2", "container-3"}
    assert (
        "\x1econtainer-1\x1fsparkml: s3://models/model.tar.gz is loaded, 60 parity rows replayed" in cars.logs
    )


def test_a_failed_record_names_its_object_and_line(cars: Store) -> None:
    """The other objects are answered, this one is not, and the job fails with the documented reason."""
    cars.put("in/a.csv", CAR + b"\n")
    cars.put("in/b.csv", (CAR + b"\n") * 4 + b"low,low,5more,more,big,never\n" + CAR)
    cars.put("in/c.csv", PRICY)
    assert cars.run(request()) == Outcome("Failed", f"ClientError: {SEE_LOGS}")
    assert cars.keys("out") == ["out/a.csv.out", "out/c.csv.out"]
    _, place, blank, message, text = cars.data_log
    assert place == "data/in/b.csv: ClientError: 400"
    assert (blank, message) == ("data/in/b.csv: ", "data/in/b.csv: Message:")
    assert text.startswith("data/in/b.csv, line 5: container-1, stage index_safety")
    assert "never" in text
    assert re.search(
        r"^\x1econtainer-1\x1fdata/in/b.csv, line 5: container-1, stage index_safety", cars.logs, re.M
    )


def test_records_with_line_ends_joined_and_skipped(skipping: Store) -> None:
    """Ids beside answers; a skipped record has no line, its place is told, and nothing shifts."""
    body = b'1,a\n2,"a\nb"\n\n3,nope\n"4\n,",b\r\n5,zilch\n6,a'
    skipping.put("in/x.csv", body)
    processing = {"InputFilter": "$[1]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    asked = request(processing=processing, Accept="text/csv")
    assert skipping.run(asked) == Outcome("Completed"), skipping.logs
    assert skipping.get("out/x.csv.out") == b'1,a\n2,"a\nb"\n"4\n,",b\n6,a\n'
    assert skipping.get("out/x.csv.out.skipped") == b"5\n8\n"
    assert skipping.data_log[1:] == [
        "data/in/x.csv: skipped by the pipeline, so without an answer: the records that begin on lines 5, 8 "
        "(2 in all, listed in s3://data/out/x.csv.out.skipped)"
    ]
    skipping.put("in/x.csv", b"1,a\n")
    assert skipping.run(asked) == Outcome("Completed")
    assert skipping.keys("out") == ["out/x.csv.out"]


def test_a_stopped_job_leaves_nothing(cars: Store) -> None:
    for number in range(40):
        cars.put(f"in/{number:02}.csv", (CAR + b"\n") * 20_000)
    # Filters look at every row, which takes seconds; without them all would be done within one.
    filters = {"JoinSource": "Input", "InputFilter": "$[0:6]", "OutputFilter": "$[0,6]"}
    process, folder = cars.start(request(processing=filters))
    deadline = time.monotonic() + 60
    while not list(folder.glob("answers/?")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert outcome(folder) == Outcome("Stopped")
    assert cars.keys("out") == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda s: (s.folder / "s3/models/xgb.tar.gz").unlink(),
            "s3://models/xgb.tar.gz: there is no such object (the model data of container-2)",
        ),
        (
            lambda s: (s.folder / "s3/models/xgb.tar.gz").write_bytes(b"\x1f\x8b" + b"x" * 99),
            "container-2, s3://models/xgb.tar.gz: is damaged",
        ),
        (
            lambda s: change(
                s.folder / "s3/models/model.tar.gz",
                "root/index_safety.node/model.json",
                lambda data: data.replace(b'"med"', b'"mid"'),
            ),
            "container-1, stage index_safety, column ",
        ),
        (lambda s: s.containers[1].update(Image="mine:1"), "container-2: image 'mine:1' is not known"),
    ],
)
def test_a_model_that_does_not_load(
    cars: Store, here: Here, spoil: Callable[[Store], Any], says: str
) -> None:
    cars.put("in/a.csv", CAR)
    spoil(cars)
    with pytest.raises(SkewlessError) as refused:
        here(cars, request())
    assert says in str(refused.value)
    assert cars.keys("out") == []


def test_what_fails_before_it_begins_is_the_reason(cars: Store) -> None:
    reason = "ClientError: there is no object under s3://data/in/. Check S3Uri."
    assert cars.run(request()) == Outcome("Failed", reason)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"split": "TFRecord"}, "SplitType TFRecord is not supported"),
        ({"S3DataType": "AugmentedManifestFile"}, "S3DataType AugmentedManifestFile is not supported"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://data/c"}}, "DataCaptureConfig is not supported"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB is 101, but 100 is the most"),
        ({"MaxPayloadInMB": 51, "MaxConcurrentTransforms": 2}, "2 times MaxPayloadInMB 51 is 102, but 100"),
        ({"MaxConcurrentTransforms": 21}, "21 times MaxPayloadInMB 5 is 105"),
        ({"processing": {"InputFilter": "$[1"}}, "Invalid JsonPath: $[1: a bracket is not closed"),
        (
            {"processing": {"JoinSource": "Input"}, "Accept": LINES},
            "ContentType and Accept of one family, not text/csv and application/jsonlines",
        ),
        (
            {"processing": {"JoinSource": "Input"}, "kind": ""},
            "ContentType and Accept of one family, not none and text/csv",
        ),
        (
            {"processing": {"JoinSource": "Input"}, "assemble": "None"},
            "SplitType and AssembleWith to be Line, not Line and None",
        ),
    ],
)
def test_requests_that_cannot_be(cars: Store, here: Here, members: dict[str, Any], says: str) -> None:
    cars.put("in/a.csv", CAR)
    with pytest.raises((SettingError, UnsupportedError)) as refused:
        here(cars, request(**members))
    assert says in refused.value.message


def test_an_output_bucket_that_is_not_there(skipping: Store, here: Here) -> None:
    """It is told before anything is computed."""
    skipping.put("in/x.csv", b"a")
    asked = request()
    asked["TransformOutput"]["S3OutputPath"] = "s3://nowhere/out"
    with pytest.raises(SettingError, match="there is no bucket for S3OutputPath s3://nowhere/out"):
        here(skipping, asked)


def test_a_place_that_is_taken(skipping: Store, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    """One object's answers cannot be written; the others' are."""
    skipping.put("in/x.csv", b"a")
    skipping.put("in/y.csv", b"b")
    skipping.put("out/x.csv.out/below", b"")
    assert here(skipping, request()) == Outcome("Failed", f"ClientError: {SEE_LOGS}")
    assert skipping.keys("out") == ["out/x.csv.out/below", "out/y.csv.out"]
    assert "data/in/x.csv: s3://data/out/x.csv.out: objects begin with" in capsys.readouterr().out


def test_a_full_disk(skipping: Store) -> None:
    skipping.put("in/x.csv", b"a\n" * 10)
    folder = skipping.asked(request())
    (folder / "answers").mkdir()
    (folder / "answers/0").symlink_to("/dev/full")
    subprocess.run(
        [sys.executable, "-m", "skewless.jobs.run", str(folder)], capture_output=True, check=False, timeout=60
    )
    ended = outcome(folder)
    assert ended.outcome == "Failed"
    assert ended.reason is not None
    assert ended.reason.startswith("ClientError: the disk is full.")
    assert skipping.keys("out") == []


def test_precedence_of_the_tunables(cars: Store, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    cars.put("in/a.csv", CAR)
    here(cars, request(MaxConcurrentTransforms=3, MaxPayloadInMB=0, BatchStrategy="MultiRecord"))
    assert (
        "MaxConcurrentTransforms=3, MaxPayloadInMB=0, BatchStrategy=MULTI_RECORD" in capsys.readouterr().out
    )
    here(cars, request(MaxPayloadInMB=100))
    assert (
        "MaxConcurrentTransforms=1, MaxPayloadInMB=100, BatchStrategy=SINGLE_RECORD"
        in capsys.readouterr().out
    )
    cars.containers = cars.containers[1:2]
    cars.put("in/a.csv", b"1,2\n")
    here(cars, request(MaxConcurrentTransforms=0))
    assert "MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("strategy", "split", "assemble", "limit", "answer"),
    [
        # What the last container wrote, one after the other: it ends no line.
        ("SingleRecord", "Line", "None", 5, b"aba"),
        ("MultiRecord", "Line", "None", 5, b"a\nb\na"),
        ("MultiRecord", "Line", "None", 0, b"a\nb\na"),
        ("MultiRecord", "None", "None", 5, b"a\nb\na"),
        ("SingleRecord", "None", "None", 0, b"a\nb\na"),
        ("SingleRecord", "Line", "Line", 5, b"a\nb\na\n"),
        ("MultiRecord", "Line", "Line", 5, b"a\nb\na\n"),
        ("MultiRecord", "None", "Line", 5, b"a\nb\na\n"),
        ("MultiRecord", "None", "Line", 0, b"a\nb\na\n"),
    ],
)
def test_strategies_and_assembly(
    skipping: Store, here: Here, strategy: str, split: str, assemble: str, limit: int, answer: bytes
) -> None:
    skipping.put("in/x.csv", b"a\n\nb\nx\na\n")
    asked = request(split=split, assemble=assemble, BatchStrategy=strategy, MaxPayloadInMB=limit)
    assert here(skipping, asked) == Outcome("Completed")
    assert skipping.get("out/x.csv.out") == answer
    assert skipping.get("out/x.csv.out.skipped") == b"4\n"


def test_payloads_are_packed_greedily(skipping: Store, here: Here) -> None:
    """Without AssembleWith, one can see where a call ended: there the answers' lines are not parted."""
    rows = (1 << 20) // 2 + 1000
    skipping.put("in/x.csv", b"a\n" * rows)
    asked = request(assemble="None", BatchStrategy="MultiRecord", MaxPayloadInMB=1)
    assert here(skipping, asked) == Outcome("Completed")
    first, second = skipping.get("out/x.csv.out").split(b"aa")
    assert first.count(b"a") + 1 == (1 << 20) // 2
    assert second.count(b"a") + 1 == 1000
    asked = request(assemble="None", BatchStrategy="MultiRecord", MaxPayloadInMB=0)
    assert here(skipping, asked) == Outcome("Completed")
    assert skipping.get("out/x.csv.out") == b"\n".join([b"a"] * rows)


@pytest.mark.parametrize("split", ["None", "Line"])
def test_what_is_over_the_payload(
    skipping: Store, here: Here, capsys: pytest.CaptureFixture[str], split: str
) -> None:
    skipping.put("in/x.csv", b"a\n" + b"b" * ((1 << 20) + 1) + b"\na\n")
    skipping.put("in/y.csv", b"b")
    asked = request(split=split, MaxPayloadInMB=1)
    assert here(skipping, asked) == Outcome("Failed", f"ClientError: {SEE_LOGS}")
    assert skipping.keys("out") == ["out/y.csv.out"]
    said = (
        "the file is over 1,048,576 bytes" if split == "None" else "the record is longer than 1,048,576 bytes"
    )
    place = "data/in/x.csv: the" if split == "None" else "data/in/x.csv, line 2: the"
    out = capsys.readouterr().out
    assert said in out
    assert place in out


def test_gzip(skipping: Store, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    skipping.put("in/x.csv.gz", gzip.compress(b"a\nb\n") + gzip.compress(b"a\n"))
    skipping.put("in/y", gzip.compress(b"a\nb\n" * 1000)[:-9])
    skipping.put("in/z", b"a\nb\n")
    asked = request(CompressionType="Gzip")
    assert here(skipping, asked) == Outcome("Failed", f"ClientError: {SEE_LOGS}")
    assert skipping.keys("out") == ["out/x.csv.gz.out"]
    assert skipping.get("out/x.csv.gz.out") == b"a\nb\na\n"
    out = capsys.readouterr().out
    assert "data/in/y: ClientError: the object is no sound gzip" in out
    assert "data/in/z: ClientError: the object is no sound gzip" in out


@pytest.mark.parametrize(
    ("prefix", "outputs"),
    [
        ("in/", ["out/a.csv.out", "out/b/a.csv.out"]),
        ("in", ["out/a.csv.out", "out/b/a.csv.out", "out/in2/a.csv.out"]),
        ("in/a.csv", ["out/a.csv.out"]),
        ("in/b", ["out/a.csv.out"]),
        ("", ["out/in/a.csv.out", "out/in/b/a.csv.out", "out/in2/a.csv.out"]),
    ],
)
def test_answers_lie_below_the_prefix(skipping: Store, here: Here, prefix: str, outputs: list[str]) -> None:
    for key in ("in/a.csv", "in/b/a.csv", "in2/a.csv"):
        skipping.put(key, b"a\n")
    assert here(skipping, request(prefix)) == Outcome("Completed")
    assert skipping.keys("out") == outputs


def test_two_objects_for_one_place(skipping: Store, here: Here) -> None:
    skipping.put("in/in2/a", b"a\n")
    skipping.put("in2/a", b"a\n")
    with pytest.raises(SettingError, match=r"would both be written to s3://data/out/in2/a\.out"):
        here(skipping, request("in"))


def test_a_manifest(skipping: Store, here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("in/a.csv", "in/b/c.csv", "in/not.csv"):
        skipping.put(key, b"a\n")
    manifest = [{"prefix": "s3://data/in/"}, "a.csv", "b/c.csv", "a.csv"]
    skipping.put("lists/one", json.dumps(manifest).encode())
    asked = request("lists/one", S3DataType="ManifestFile")
    assert here(skipping, asked) == Outcome("Completed")
    assert skipping.keys("out") == ["out/a.csv.out", "out/b/c.csv.out"]
    skipping.put("lists/one", json.dumps([*manifest, "gone.csv"]).encode())
    assert here(skipping, asked) == Outcome("Failed", f"ClientError: {SEE_LOGS}")
    assert "data/in/gone.csv: s3://data/in/gone.csv: there is no such object" in capsys.readouterr().out
    wrongs: list[Any] = [[], ["a"], [{"prefix": "x"}], [*manifest, {"prefix": "s3://b/"}], {}, [1]]
    for wrong in wrongs:
        skipping.put("lists/one", json.dumps(wrong).encode())
        with pytest.raises(SettingError, match=r"^the manifest s3://data/lists/one is wrong: "):
            here(skipping, asked)


def test_json_lines_joined(cars: Store, here: Here) -> None:
    """An id beside the features, and a schema of its own in each line, which the environment could not hold."""
    cars.containers = cars.containers[:1]
    cars.containers[0]["Environment"] = {}
    record = {"schema": CAR_SCHEMA, "data": CAR.decode().split(",")}
    lines = [json.dumps({"id": number, "instance": record}) for number in (1, 2)]
    cars.put("in/x.jsonl", "\n\n".join(lines).encode())
    processing = {
        "InputFilter": "$.instance",
        "JoinSource": "Input",
        "OutputFilter": "$['id','SageMakerOutput']",
    }
    asked = request(
        kind=LINES, processing=processing, Environment={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": LINES}
    )
    assert here(cars, asked) == Outcome("Completed")
    made = [json.loads(line) for line in cars.get("out/x.jsonl.out").splitlines()]
    assert [one["id"] for one in made] == [1, 2]
    assert all(sum(one["SageMakerOutput"]["features"]) == 6 for one in made)


def test_predictions_are_one_line_for_each_record_whatever_is_accepted(cars: Store, here: Here) -> None:
    cars.containers = cars.containers[1:2]
    row = ",".join(["0"] * 23)
    cars.put("in/x.csv", f"{row}\n{row}\n".encode())
    answers = []
    for strategy in ("SingleRecord", "MultiRecord"):
        asked = request(Accept="application/json", BatchStrategy=strategy)
        assert here(cars, asked) == Outcome("Completed")
        answers.append(cars.get("out/x.csv.out").split())
    assert answers[0] == answers[1]
    assert [float(answer) >= 0 for answer in answers[0]] == [True, True]


class Flaky:
    """Stands in for a pipeline's `invoke`: defects so many times, then works."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.calls = 0

    def invoke(self, _: Pipeline, body: bytes, *__: object) -> Answer:
        self.calls += 1
        if self.calls <= self.times:
            raise ZeroDivisionError("oops")
        return Answer(body, "text/csv")


@pytest.mark.parametrize(("times", "retries", "fails"), [(3, 3, False), (1, 0, True), (4, 3, True)])
def test_defects_are_tried_again(
    skipping: Store,
    here: Here,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    times: int,
    retries: int,
    fails: bool,
) -> None:
    """As a container's 5xx; wrong input is not."""
    flaky = Flaky(times)
    monkeypatch.setattr(Pipeline, "invoke", lambda self, *call: flaky.invoke(self, *call))
    skipping.put("in/x.csv", b"a")
    done = here(skipping, request(ModelClientConfig={"InvocationsMaxRetries": retries}))
    expected = Outcome("Failed", f"AlgorithmError: {SEE_LOGS}") if fails else Outcome("Completed")
    assert done == expected
    assert flaky.calls == (retries + 1 if fails else times + 1)
    out = capsys.readouterr().out
    assert out.count("Bad HTTP status received from algorithm: 500 (ZeroDivisionError: oops)") == min(
        times, retries + 1
    )
    assert ("data/in/x.csv: Bad HTTP status received from algorithm: 500" in out) is fails


def test_a_call_that_never_ends(
    skipping: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job ends at once, with what was answered before; its process does not wait for the thread."""
    release = threading.Event()
    invoke = Pipeline.invoke

    def hang(self: Pipeline, body: bytes, *rest: Any) -> Answer:
        if body == b"b":
            release.wait(60)
        return invoke(self, body, *rest)

    ended: list[int] = []
    monkeypatch.setattr(Pipeline, "invoke", hang)
    monkeypatch.setattr(os, "_exit", ended.append)
    skipping.put("in/a.csv", b"a")
    skipping.put("in/b.csv", b"b")
    folder = skipping.asked(request(ModelClientConfig={"InvocationsTimeoutInSeconds": 5}))
    try:
        transform_job.run(Job(folder))
    finally:
        release.set()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    assert ended == [1]
    assert outcome(folder) == Outcome("Failed", f"AlgorithmError: {SEE_LOGS}")
    assert skipping.keys("out") == ["out/a.csv.out"]
    assert "data/in/b.csv: Unable to get response from algorithm" in capsys.readouterr().out


def test_what_containers_are_told(skipping: Store, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def spy(definitions: Any, *rest: Any, **more: Any) -> Pipeline:
        told.append(dict(definitions[0]["Environment"]))
        return pipeline_of(definitions, *rest, **more)

    monkeypatch.setattr(transform_job, "pipeline_of", spy)
    skipping.put("in/x.csv", b"a")
    here(skipping, request(Environment={"MINE": "1"}))
    here(skipping, request(MaxPayloadInMB=3, MaxConcurrentTransforms=2, BatchStrategy="SingleRecord"))
    for one in told:
        assert "SAGEMAKER_SPARKML_SCHEMA" in one
        del one["SAGEMAKER_SPARKML_SCHEMA"]
    assert told == [
        {"SAGEMAKER_BATCH": "true", "MINE": "1"},
        {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "3",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "2",
        },
    ]
