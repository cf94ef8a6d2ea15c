"""Every estimator, fitted in real scikit-learn, on hostile rows; the cases stand in ``cases_*.py``."""

from __future__ import annotations

import importlib
import os
import warnings
from pathlib import Path

import pytest

from skewless.ops import SKLEARN_READERS
from tests.sklearn_parity.generated import rows_like
from tests.sklearn_parity.harness import Case, check, exported

FAMILIES = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
CASES = [
    case for name in FAMILIES for case in importlib.import_module(f"tests.sklearn_parity.{name}").cases()
]
# Batches of generated rows for each case; `make parity` asks for more, with another seed each time.
BATCHES = int(os.environ.get("PARITY_EXAMPLES", "1"))
SEED = int(os.environ.get("PARITY_SEED", "0"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_estimator(case: Case, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # scikit-learn warns of what it meets in hostile rows; what it answers counts.
        warnings.simplefilter("ignore")
        model, sample, rows = case.build()
        transform = exported(model, sample, tmp_path)
        check(case, model, transform, rows)
        if case.generated:
            try:
                check(case, model, transform, rows_like(sample, BATCHES, SEED, case.within))
            except AssertionError as error:
                error.add_note(f"Again with PARITY_EXAMPLES={BATCHES} PARITY_SEED={SEED}.")
                raise


@pytest.mark.parametrize("name", sorted(SKLEARN_READERS))
def test_every_estimator_has_a_case(name: str) -> None:
    assert any(name.rpartition(".")[2] in case.covers for case in CASES)
