"""Batches of scikit-learn's predictors are finished as rows are: every kind of answer, on numbers easily got wrong."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from skewless.ops.sklearn.finishing import FINISH
from skewless.ops.sklearn.outcomes import KINDS, Classified, Valued, assembled, columns_of
from skewless.transforms.parity import same

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    0.3,
    5e-324,
    745.2,
    -745.2,
    710.0,
    1e300,
    -1e300,
    math.inf,
    -math.inf,
    math.nan,
]


def test_both_tables_have_the_same_kinds() -> None:
    assert FINISH.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_finished_as_its_rows_are(kind: str) -> None:
    random = np.random.default_rng(5)
    labels = ("a", "ü") if KINDS[kind].width else ("a", "ü", "")
    outcome = Classified(kind, labels)
    odd = list(product(EDGES, repeat=outcome.width))[:4000]
    raws = np.concatenate(
        [np.array(odd), *(random.normal(0, size, (500, outcome.width)) for size in (0.1, 3, 300))]
    )
    expected = assembled(outcome.types, list(map(outcome.finisher(), raws.tolist())))
    with np.errstate(all="ignore"):
        made = columns_of(outcome, raws)
    for one, other in zip(made, expected, strict=True):
        assert one.type == other.type
        assert same(
            [one.cell(row) for row in range(len(raws))], [other.cell(row) for row in range(len(raws))]
        )
    assert all(len(column) == 0 for column in columns_of(outcome, raws[:0]))


@pytest.mark.parametrize("labels", [(False, True), (-1, 1), (0.5, -0.0)])
def test_labels_of_other_types(labels: tuple[bool | int | float, ...]) -> None:
    outcome = Classified("side", labels)
    (_, chosen) = columns_of(outcome, np.array([[1.0], [-1.0]]))
    assert chosen.type == outcome.types[-1]
    assert same([chosen.cell(0), chosen.cell(1)], [labels[1], labels[0]])


@pytest.mark.parametrize("link", ["identity", "exp"])
def test_numbers_through_their_link(link: str) -> None:
    raws = np.array(EDGES)[:, None]
    (column,) = columns_of(Valued(link), raws)
    assert same(
        [column.cell(row) for row in range(len(raws))], list(map(Valued(link).finisher(), raws.tolist()))
    )
