"""The XGBoost container's contract over HTTP, by default and strictly: one test for each row of its tables."""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost

from skewless.codecs.recordio import Record, Tensor, read_records, write_records
from skewless.containers.xgboost import load
from skewless.errors import SettingError
from skewless.settings import Settings
from tests.boosters.xgboost_models import FEATURES, bits, data, reference, saved
from tests.serving.running import Answer
from tests.serving.served import Ask, served

CSV, JSON, JSONL = "text/csv", "application/json", "application/jsonlines"
LIBSVM, PARQUET = "text/libsvm", "application/x-parquet"
RECORDIO = "application/x-recordio-protobuf"
OLD_PICKLE = Path(__file__).parents[1] / "boosters" / "old_models" / "1.2.1-poisson.p4"
SETTINGS, STRICT = Settings(), Settings(strict=True)

ROWS = data()[0][:4]
BODY = "".join(",".join("" if np.isnan(x) else repr(float(x)) for x in row) + "\n" for row in ROWS).encode()


@functools.cache
def objective(name: str) -> bytes:
    """A model of an objective that the shared ones do not have."""
    rows, labels = data()
    if name.startswith(("binary:", "reg:logistic")):
        labels = (labels > 1).astype(np.float32)
    matrix = xgboost.DMatrix(rows, labels + (name in ("reg:gamma", "survival:cox")))
    about = {"objective": name, "nthread": 1, "max_depth": 2, "seed": 1, "verbosity": 0}
    return bytes(xgboost.train(about, matrix, num_boost_round=2).save_raw("ubj"))


def predicted(model: bytes) -> Any:
    """What the package itself predicts for `ROWS`."""
    booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model))
    return booster.predict(xgboost.DMatrix(ROWS, nthread=1))


@dataclass
class Mode:
    """One way to run it, with servers of two models."""

    settings: Settings
    stack: ExitStack
    one: Ask
    four: Ask

    def with_models(self, *models: bytes, **environment: str) -> Ask:
        """A server of its own; several models are an ensemble."""
        files = {f"xgboost-model-{number}": model for number, model in enumerate(models)}
        container = load("container-1", files, environment, self.settings, "model.tar.gz")
        return self.stack.enter_context(served([container], self.settings))

    def refused(self, answer: Answer, status: int, text: str) -> None:
        """Strictly the text alone; by default with where it happened and what to do."""
        assert answer.status == status, answer.text
        if self.settings.strict:
            assert answer.text.startswith(text)
        else:
            assert answer.text.startswith("container-1")
            assert text in answer.text


def starting(settings: Settings, stack: ExitStack, kind: str) -> Ask:
    container = load("container-1", {"xgboost-model": saved(kind)}, {}, settings, "model.tar.gz")
    return stack.enter_context(served([container], settings))


@pytest.fixture(scope="module", params=["default", "strict"])
def mode(request: pytest.FixtureRequest) -> Iterator[Mode]:
    settings = STRICT if request.param == "strict" else SETTINGS
    with ExitStack() as stack:
        one, four = (starting(settings, stack, kind) for kind in ("regression", "softprob"))
        yield Mode(settings, stack, one, four)


def floats(values: Any) -> Any:
    return np.asarray(values).astype(np.float64).tolist()


def csv_of(values: Any) -> str:
    rows = [row if isinstance(row, list) else [row] for row in floats(values)]
    return "".join(",".join(map(repr, row)) + "\n" for row in rows)


def test_ping_and_execution_parameters(mode: Mode) -> None:
    assert mode.one(None, method="GET", path="/ping").status == 200
    told = json.loads(mode.one(None, method="GET", path="/execution-parameters").body)
    assert told == {
        "MaxConcurrentTransforms": os.cpu_count(),
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


@pytest.mark.parametrize(("given", "told"), [(19, 19), (21, 20)])
def test_the_largest_body_is_a_variable(mode: Mode, given: int, told: int) -> None:
    ask = mode.with_models(saved("regression"), MAX_CONTENT_LENGTH=str(given << 20))
    assert json.loads(ask(None, method="GET", path="/execution-parameters").body)["MaxPayloadInMB"] == told


def test_a_larger_body(mode: Mode) -> None:
    ask = mode.with_models(saved("regression"), MAX_CONTENT_LENGTH=str(len(BODY) - 1))
    assert ask(BODY).status == 413
    assert ask(BODY[: len(BODY) // 2].rpartition(b"\n")[0]).status == 200
    for wrong in ("6MB", "0", "-1"):
        with pytest.raises(SettingError, match="MAX_CONTENT_LENGTH"):
            mode.with_models(saved("regression"), MAX_CONTENT_LENGTH=wrong)


@pytest.mark.parametrize("kind", [None, CSV, LIBSVM, PARQUET, RECORDIO])
def test_an_empty_body(mode: Mode, kind: str | None) -> None:
    answer = mode.one(b"", kind)
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize("kind", [JSON, "image/png", "application/x-npy", "label_size=1; text/csv"])
def test_content_types_that_are_not_taken(mode: Mode, kind: str) -> None:
    text = (
        f"{kind.partition(';')[0]} is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, "
        "text/csv, text/libsvm, text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
    )
    mode.refused(mode.one(b'{"instances": [[1]]}', kind), 415, text)


def test_json_from_a_container_before_is_explained() -> None:
    with ExitStack() as stack:
        answer = starting(SETTINGS, stack, "regression")(b"[[1]]", JSON)
    assert "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=text/csv" in answer.text


def libsvm_of(rows: Any, label: str = "", first: int = 0) -> bytes:
    """Rows as libsvm; what is missing is absent."""
    lines = []
    for row in rows:
        pairs = [f"{place + first}:{float(x)!r}" for place, x in enumerate(row) if not np.isnan(x)]
        lines.append(" ".join([label, *pairs] if label else pairs))
    return "\n".join(lines).encode()


def parquet_of(rows: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    columns = {f"c{place}": pa.array(column, from_pandas=True) for place, column in enumerate(rows.T)}
    pq.write_table(pa.table(columns), sink, **options)
    return bytes(sink.getvalue())


def recordio_of(rows: Any, *, sparse: bool, label: float | None = None) -> bytes:
    labels = {} if label is None else {"values": Tensor(np.array([label], np.float32))}
    records = []
    for row in rows:
        there = np.flatnonzero(~np.isnan(row))
        tensor = Tensor(row[there], there, (len(row),)) if sparse else Tensor(row)
        records.append(Record({"values": tensor}, labels))
    return write_records(records)


REQUESTS = [
    pytest.param(BODY, CSV, id="csv"),
    pytest.param(BODY, "csv", id="csv, short name"),
    pytest.param(BODY, "Text/CSV; charset=utf-8; label_size=1", id="csv with parameters"),
    pytest.param(BODY.replace(b",", b"\t"), CSV, id="csv with tabs"),
    pytest.param(libsvm_of(ROWS), None, id="no content type is libsvm"),
    pytest.param(libsvm_of(ROWS), "libsvm", id="libsvm, short name"),
    pytest.param(libsvm_of(ROWS), "text/x-libsvm", id="x-libsvm"),
    pytest.param(libsvm_of(ROWS, "1"), LIBSVM, id="libsvm with labels"),
    pytest.param(libsvm_of(ROWS, "-0.5") + b"\n\n", f"{LIBSVM}; charset=utf-8", id="libsvm with parameters"),
    pytest.param(parquet_of(ROWS), PARQUET, id="parquet"),
    pytest.param(parquet_of(ROWS.astype(np.float64)), "parquet", id="parquet of doubles"),
    pytest.param(recordio_of(ROWS, sparse=False), RECORDIO, id="recordio"),
    pytest.param(recordio_of(ROWS, sparse=True), "recordio-protobuf", id="recordio, sparse"),
    pytest.param(recordio_of(ROWS, sparse=True, label=3), RECORDIO, id="recordio with labels"),
]


@pytest.mark.parametrize(("body", "kind"), REQUESTS)
def test_content_types_that_are_taken(mode: Mode, body: bytes, kind: str | None) -> None:
    answer = mode.four(body, kind)
    assert (answer.status, answer.text) == (200, csv_of(reference("softprob", ROWS)))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("kind", ["linear softprob", "dart softprob", "categorical"])
def test_absent_is_missing_to_every_kind_of_model(mode: Mode, kind: str) -> None:
    ask = mode.with_models(saved(kind))
    expected = csv_of(reference(kind, ROWS))
    for body, type_ in ((libsvm_of(ROWS), LIBSVM), (recordio_of(ROWS, sparse=True), RECORDIO), (BODY, CSV)):
        assert ask(body, type_).text == expected


def test_libsvm_that_counts_from_one(mode: Mode) -> None:
    """The original takes the least index of a body for a sign; here the indices of training count."""
    whole = np.where(np.isnan(ROWS), np.float32(0.5), ROWS)
    answer = mode.one(libsvm_of(whole, "1", first=1), LIBSVM)
    if mode.settings.strict:
        assert answer.text == csv_of(reference("regression", whole))
    else:
        mode.refused(
            answer, 400, "Unable to evaluate payload provided: Feature shape mismatch, expected: 6, got 7"
        )
        assert "count from 1" in answer.text
    part = mode.one(b"1:0.5 2:0.25\n3:1", LIBSVM)
    given = np.full((2, FEATURES), np.nan, np.float32)
    first = 0 if mode.settings.strict else 1
    given[0, first : first + 2], given[1, first + 2] = (0.5, 0.25), 1
    assert part.text == csv_of(reference("regression", given))


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        (b"a,b,c\n1,2,3", CSV, "csv"),
        (b"1 0:1\n2 x:1", LIBSVM, "libsvm"),
        (b"1,2,3,4,5,6", LIBSVM, "libsvm"),
        (BODY, None, "libsvm"),
        (b"PAR1 and so on PAR1", PARQUET, "parquet"),
        (json.dumps({"foo": "bar"}).encode(), PARQUET, "parquet"),
        (parquet_of(np.array([["a"] * 6])), PARQUET, "parquet"),
        (BODY, RECORDIO, "recordio-protobuf"),
        (recordio_of(ROWS, sparse=True)[:-3], RECORDIO, "recordio-protobuf"),
        (write_records([Record({"other": Tensor(ROWS[0])})]), RECORDIO, "recordio-protobuf"),
    ],
)
def test_what_cannot_be_parsed(mode: Mode, body: bytes, kind: str | None, name: str) -> None:
    width = b"a,b,c,d,e,f" if body.startswith(b"a,") else body
    start = f"Loading {name} data failed with Exception, please ensure data is in {name} format:\n "
    mode.refused(mode.one(width, kind), 415, start)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"1,2,3,4,5,6,7", CSV),
        (libsvm_of(np.ones((1, 7))) + b" 9:1", LIBSVM),
        (parquet_of(np.ones((2, 7))), PARQUET),
        (recordio_of(np.ones((1, 7), np.float32), sparse=False), RECORDIO),
        (recordio_of(np.ones((1, 9), np.float32), sparse=True), RECORDIO),
        (b"1,2,3,4,5,inf", CSV),
        (b"0:1 3:1e39", LIBSVM),
        (parquet_of(np.array([[1, 2, 3, 4, 5, np.inf]])), PARQUET),
        (recordio_of(np.array([[1, 2, 3, 4, 5, np.inf]], np.float32), sparse=True), RECORDIO),
    ],
)
def test_what_cannot_be_predicted(mode: Mode, body: bytes, kind: str) -> None:
    mode.refused(mode.one(body, kind), 400, "Unable to evaluate payload provided: ")


@pytest.mark.parametrize(("short", "pickled"), [(1, False), (1, True), (2, False), (2, True)])
def test_too_few_features(mode: Mode, short: int, pickled: bool) -> None:
    """The original takes them for missing: any number, or in a pickled model one."""
    model = OLD_PICKLE.read_bytes() if pickled else objective("count:poisson")
    features = 5 if pickled else FEATURES
    rows = np.ones((2, features - short), np.float32)
    ask, bodies = mode.with_models(model), [(b"\n".join([b",".join([b"1"] * (features - short))] * 2), CSV)]
    bodies += [(parquet_of(rows), PARQUET), (recordio_of(rows, sparse=False), RECORDIO)]
    answers = [ask(body, kind) for body, kind in bodies]
    if mode.settings.strict and (short == 1 or not pickled):
        whole = np.full((2, features), np.nan)
        whole[:, : features - short] = 1
        assert {answer.text for answer in answers} == {ask(libsvm_of(whole), LIBSVM).text}
    else:
        for answer in answers:
            mode.refused(answer, 400, "Unable to evaluate payload provided: ")
    assert [ask(b"0:1", LIBSVM).status, ask(b"4:1 0:1", LIBSVM).status] == [200, 200]


ACCEPTED = "['text/csv', 'application/json', 'application/jsonlines', 'application/x-recordio-protobuf']"


@pytest.mark.parametrize("accept", ["text/csv, application/json", "image/png", "text/libsvm", "json"])
def test_types_that_are_not_written(mode: Mode, accept: str) -> None:
    text = f"Accept type {accept} is not supported. Please use supported accept types: {ACCEPTED}."
    mode.refused(mode.one(BODY, CSV, accept), 406, text)


@pytest.mark.parametrize("accept", [JSONL, RECORDIO])
def test_types_that_only_selected_content_has(mode: Mode, accept: str) -> None:
    answer = mode.one(BODY, CSV, accept)
    if mode.settings.strict:
        assert answer.status == 500
        assert b"Internal Server Error" in answer.body
    else:
        mode.refused(answer, 406, f"answers of type {accept} need selected content")


@pytest.mark.parametrize("accept", [None, "*/*", CSV, "TEXT/CSV; charset=utf-8"])
def test_csv_answers(mode: Mode, accept: str | None) -> None:
    for ask, kind in ((mode.one, "regression"), (mode.four, "softprob")):
        answer = ask(BODY, CSV, accept)
        assert (answer.status, answer.text) == (200, csv_of(reference(kind, ROWS)))
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"


@pytest.mark.parametrize("accept", [JSON, "application/json;verbose=True"])
def test_json_answers(mode: Mode, accept: str) -> None:
    for ask, kind in ((mode.one, "regression"), (mode.four, "softprob")):
        answer = ask(BODY, CSV, accept)
        told = {"predictions": [{"score": score} for score in floats(reference(kind, ROWS))]}
        assert (answer.status, answer.text) == (200, json.dumps(told))
        assert answer.headers["content-type"] == JSON


def test_the_default_type_is_a_variable(mode: Mode) -> None:
    ask = mode.with_models(saved("regression"), SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=JSON)
    for accept in (None, "*/*"):
        assert ask(BODY, CSV, accept).headers["content-type"] == JSON
    assert ask(BODY, CSV, CSV).text == csv_of(reference("regression", ROWS))
    wrong = mode.with_models(saved("regression"), SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/html")
    assert wrong(BODY, CSV).status == (500 if mode.settings.strict else 406)


def test_classes_are_numbers(mode: Mode) -> None:
    softmax = mode.with_models(saved("softmax"))(BODY).text
    assert set(softmax.split()) <= {"0.0", "1.0", "2.0", "3.0"}
    assert softmax == csv_of(reference("softmax", ROWS))
    hinge = mode.with_models(objective("binary:hinge"))(BODY).text
    assert set(hinge.split()) <= {"0.0", "1.0"}


@pytest.mark.parametrize("accept", [None, JSON])
def test_batch_answers(mode: Mode, accept: str | None) -> None:
    for kind in ("regression", "softprob"):
        ask = mode.with_models(saved(kind), SAGEMAKER_BATCH="true")
        expected = "".join(f"{score}\n" for score in floats(reference(kind, ROWS)))
        assert ask(BODY, CSV, accept).text == expected
        assert ask(BODY, CSV, "image/png").status == 406


SELECTABLE = "predicted_label, labels, probability, probabilities, raw_score, raw_scores, predicted_score"


def content_of(name: str, row: Any) -> dict[str, Any]:
    """What each objective's table says of one prediction."""
    value = row.tolist()
    if name == "multi:softprob":
        most = max(value)
        label, raw = value.index(most), {"raw_score": most, "raw_scores": value}
        return {
            "predicted_label": label,
            "labels": [0, 1, 2, 3],
            "probability": most,
            "probabilities": value,
            **raw,
        }
    if name.startswith("reg:"):
        return {"predicted_score": value}
    limit = {"binary:logistic": 0.5, "binary:logitraw": 0.0}.get(name)
    told: dict[str, Any] = {"predicted_label": value if limit is None else int(value > limit)}
    told["labels"] = [0, 1, 2, 3] if name == "multi:softmax" else [0, 1]
    both = [1.0 - value, value]
    if name == "binary:logistic":
        told |= {"probability": value, "probabilities": both}
    return told | {"raw_score": value, "raw_scores": both}


@pytest.mark.parametrize(
    "name",
    [
        *("binary:logistic", "binary:logitraw", "binary:hinge", "multi:softmax", "multi:softprob"),
        *("reg:squarederror", "reg:logistic", "reg:gamma", "reg:tweedie"),
    ],
)
def test_selected_content(mode: Mode, name: str) -> None:
    model = saved(name.removeprefix("multi:")) if name.startswith("multi:") else objective(name)
    ask = mode.with_models(model, SAGEMAKER_INFERENCE_OUTPUT=SELECTABLE)
    answer = ask(BODY, CSV, JSON)
    every = SELECTABLE.split(", ")
    expected = [content_of(name, row) for row in predicted(model)]
    void = sorted(set(every) - set(expected[0]))
    told = [{**content, **dict.fromkeys(void, float("nan"))} for content in expected]
    assert (answer.status, answer.text) == (200, json.dumps({"predictions": told}))
    assert answer.headers["content-type"] == JSON
    lines = ask(BODY, CSV, JSONL)
    assert lines.text == "".join(json.dumps(content) + "\n" for content in told)
    assert lines.headers["content-type"] == JSONL
    cells = [
        ",".join(f'"{row[key]}"' if isinstance(row[key], list) else str(row[key]) for key in every)
        for row in told
    ]
    assert ask(BODY, CSV).text == "\n".join(cells)
    for record, content in zip(read_records(ask(BODY, CSV, RECORDIO).body), told, strict=True):
        assert not record.features
        assert set(record.labels) == set(content)
        for key, value in content.items():
            assert bits(record.labels[key].values) == bits(np.atleast_1d(np.float32(value)))


def test_selected_content_of_a_batch(mode: Mode) -> None:
    about = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label,probabilities"}
    model = objective("binary:logistic")
    alone, batch = mode.with_models(model, **about), mode.with_models(model, **about, SAGEMAKER_BATCH="true")
    assert batch(BODY).text == alone(BODY).text + "\n"
    assert batch(BODY, CSV, JSON).text == alone(BODY, CSV, JSON).text


def test_content_of_other_objectives(mode: Mode) -> None:
    said = "Objective `rank:pairwise` unsupported for selectable inference predictions."
    if mode.settings.strict:
        ask = mode.with_models(saved("pairwise"), SAGEMAKER_INFERENCE_OUTPUT="predicted_label")
        answer = ask(BODY)
        assert (answer.status, answer.text) == (500, said)
    else:
        with pytest.raises(SettingError, match=said):
            mode.with_models(saved("pairwise"), SAGEMAKER_INFERENCE_OUTPUT="predicted_label")


def test_selected_content_in_a_type_of_the_variable(mode: Mode) -> None:
    about = {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": LIBSVM}
    answer = mode.with_models(objective("binary:logistic"), **about)(BODY)
    assert answer.status == (500 if mode.settings.strict else 406)
    assert f"Cannot encode selected predictions into accept type '{LIBSVM}'." in answer.text
    bad = mode.with_models(objective("binary:logistic"), SAGEMAKER_INFERENCE_OUTPUT="predicted_label")
    assert bad(BODY, CSV, "image/png").status == 406


def rotated(kind: str, number: int) -> bytes:
    """The model with other leaves: another voice in an ensemble."""
    document = json.loads(saved(kind, "json"))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"] = [
            value * (1 - 0.9 * number) + number * 0.3 for value in tree["split_conditions"]
        ]
    return json.dumps(document).encode()


def test_an_ensemble_of_numbers(mode: Mode) -> None:
    for kind in ("regression", "softprob"):
        models = [rotated(kind, number) for number in range(3)]
        ask = mode.with_models(*models)
        mean = np.mean([predicted(model) for model in models], axis=0)
        assert ask(BODY).text == csv_of(mean)
        assert ask(BODY, accept=JSON).status == 200
        assert "".join(ask(line).text for line in BODY.splitlines()) == csv_of(mean)
        assert ask(libsvm_of(ROWS), LIBSVM).text == csv_of(mean)
        first = mode.with_models(*models, SAGEMAKER_INFERENCE_ENSEMBLE="false")
        assert first(BODY).text == csv_of(predicted(models[0]))


def test_an_ensemble_of_classes(mode: Mode) -> None:
    models = [rotated("softmax", number) for number in (0, 1, 1, 2)]
    votes = np.array([predicted(model) for model in models])
    most = []
    for row in votes.T.tolist():
        counts = Counter(row)
        most.append(min(voted for voted in counts if counts[voted] == max(counts.values())))
    assert len({tuple(one) for one in votes.tolist()}) > 1
    ask = mode.with_models(*models)
    assert ask(BODY).text == csv_of(np.array(most))
    assert "".join(ask(line).text for line in BODY.splitlines()) == csv_of(np.array(most))
