"""Nothing of scikit-learn goes unmentioned."""

from __future__ import annotations

import pytest
from sklearn.utils import all_estimators

import skewless.export.sklearn_ensembles  # noqa: F401 - it enters what it walks
from skewless.export.sklearn_walk import WALKED
from skewless.ops import SKLEARN_READERS
from skewless.ops.sklearn_docs import coverage
from skewless.ops.sklearn_step import SKLEARN_REFUSED


def test_every_public_estimator_is_exported_or_refused_by_name() -> None:
    known = SKLEARN_READERS.keys() | SKLEARN_REFUSED.keys() | WALKED.keys()
    names = [f"{kind.__module__}.{kind.__qualname__}" for _, kind in all_estimators()]
    assert [name for name in names if name not in known] == []
    assert not SKLEARN_READERS.keys() & SKLEARN_REFUSED.keys()
    assert len(names) > 200


def test_the_coverage_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    told = " ".join(coverage()).strip()
    with capsys.disabled():
        print(f"\nscikit-learn: {told}")
    assert f"{len(SKLEARN_REFUSED)} are refused" in told
