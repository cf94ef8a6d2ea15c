"""Transform jobs of the XGBoost container alone: files that are no CSV, and what its batch mode answers."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skewless.bundles.archive import write_files
from skewless.jobs import transform_job
from skewless.jobs.job import Job, Outcome
from tests.boosters.xgboost_models import data, reference, saved
from tests.jobs.transform_jobs import Store, request, store_of
from tests.serving.test_xgboost_vectors import LIBSVM, PARQUET, RECORDIO, libsvm_of, parquet_of, recordio_of

ROWS = data()[0][:7]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    models = tmp_path / "made"
    models.mkdir()
    write_files({"xgboost-model": saved("softprob")}, models / "xgb.tar.gz")
    yield store_of(models, tmp_path, {"Image": "xgboost:1.7-1", "ModelDataUrl": "s3://models/xgb.tar.gz"})
    # The job keeps it from being stopped while it uploads.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def answers_of(store: Store, body: bytes, **asked: Any) -> Outcome:
    store.put("in/x", body)
    return transform_job.run(Job(store.asked(request(**asked))))


LISTS = "".join(f"{row}\n" for row in reference("softprob", ROWS).astype(np.float64).tolist()).encode()


@pytest.mark.parametrize(
    ("body", "kind", "split"),
    [
        (libsvm_of(ROWS, "1"), LIBSVM, "Line"),
        (libsvm_of(ROWS), LIBSVM, "None"),
        (parquet_of(ROWS), PARQUET, "None"),
        (recordio_of(ROWS, sparse=True), RECORDIO, "None"),
        (recordio_of(ROWS, sparse=False), RECORDIO, "RecordIO"),
    ],
)
def test_files_that_are_no_csv(store: Store, body: bytes, kind: str, split: str) -> None:
    asked = {"kind": kind, "split": split, "assemble": "None"}
    assert answers_of(store, body, **asked) == Outcome("Completed")
    assert store.get("out/x.out") == LISTS


def test_a_row_is_named_by_its_number(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    rows = np.array(ROWS)
    rows[4, 2] = np.inf
    failed = answers_of(store, parquet_of(rows), kind=PARQUET, split="None")
    assert failed == Outcome("Failed", "ClientError: See job logs for more information")
    assert "in/x, line 5: " in capfd.readouterr().out.replace("data/in/x", "in/x")
