"""Fitted values in a few words."""

from __future__ import annotations

import pytest

from skewless.ops import OPS
from skewless.ops.blas import Coefficients
from skewless.ops.clusters import KMeans
from skewless.ops.fitted import Matrix
from skewless.ops.forests import RandomForestRegression
from skewless.ops.impute import Imputer
from skewless.ops.labels import StringIndexer
from skewless.ops.linear import LinearSVC
from skewless.ops.logistic import LogisticRegression
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.one_vs_rest import OneVsRest
from skewless.ops.op import Op
from skewless.ops.summary import summary
from skewless.ops.tokens import Tokenizer
from skewless.ops.tree_models import grown_tree

FEW: list[tuple[Op, str]] = [
    (Tokenizer(), ""),
    (
        StringIndexer(("b", "", "ü", "a" * 90, "c")),
        f"labels (5): b, '', ü, {'a' * 24}…, …; handle_invalid=error",
    ),
    (OneHotEncoder((3, 12345), False, "keep"), "categories (2): 3, 12,345; handle_invalid=keep"),
    (Imputer(1 / 3, None, keeps_type=False), "surrogate=0.333333; strategy=mean; nan_is_missing"),
    (KMeans(((0.0, 1.0), (2.0, 3.0))), "centers (2 × 2); measure=euclidean"),
    (LinearSVC(Coefficients((0.5, -2.0)), 1.0), "coefficients (2): 0.5, -2; intercept=1; threshold=0"),
    (
        LogisticRegression(Matrix((Coefficients((0.5, -2.0)),) * 3), (0.0,) * 3, True),
        "matrix (3 × 2); intercepts (3): 0, 0, 0; multinomial; threshold=0.5; source=raw_prediction",
    ),
    (
        RandomForestRegression(3, (grown_tree(1), grown_tree(1)), (1.0, 1.0)),
        "num_features=3; trees (2): 8 splits, 10 leaves; weights (2): 1, 1",
    ),
    (OneVsRest((LinearSVC(Coefficients((1.0,)), 0.0),) * 2), "classifiers (2): linear_svc"),
]


@pytest.mark.parametrize(("op", "told"), FEW, ids=lambda given: getattr(given, "name", ""))
def test_a_few_words(op: Op, told: str) -> None:
    # The order of additions is of the machine that fitted it.
    assert "; ".join(phrase for phrase in summary(op) if not phrase.startswith("lanes=")) == told


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_can_be_told(name: str) -> None:
    for example in OPS[name].examples():
        for phrase in summary(example.op):
            assert phrase.isprintable()
            assert len(phrase) < 200
