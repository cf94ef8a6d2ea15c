"""The compiled kernels predict with the library's bits: objectives, base scores and hostile trees; the rest is its."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost

from skewless.boosters import legacy
from skewless.boosters.kernel import Kernel, kernel_of
from skewless.boosters.library_model import LibraryQuestion
from skewless.boosters.trained import MARGIN, VALUE, Question, Trained
from skewless.errors import ArtifactError
from skewless.native.xgboost import TRANSFORMS
from tests.boosters.xgboost_models import FEATURES, bits, hostile, saved

EDGES = np.array(
    [
        *(
            0.0,
            -0.0,
            1e-45,
            -1e-45,
            1e-38,
            1e-3,
            -1e-3,
            1.0,
            -1.0,
            16.6,
            -16.6,
            87.3,
            -87.3,
            88.7,
            88.8,
            -88.8,
        ),
        *(-103.9, -104.0, 3.4e38, -3.4e38, math.inf, -math.inf, math.nan),
        # Where an exponential without fused multiply-adds comes out otherwise.
        *(float.fromhex("0x1.04845ep+5"), float.fromhex("-0x1.f8cbb2p+5")),
    ],
    np.float32,
)
ROWS = 100_000


def model(objective: str, **about: Any) -> xgboost.Booster:
    """A model of one small tree, trained with an objective."""
    rows = np.repeat(np.arange(2, dtype=np.float32), 4).reshape(-1, 1)
    matrix = xgboost.DMatrix(rows, np.array([0, 1] * 4) + (objective in POSITIVE), nthread=1)
    if objective.startswith("rank"):
        matrix.set_group([4, 4])
    if objective.startswith("multi"):
        about["num_class"] = 4
    if objective == "reg:quantileerror":
        about["quantile_alpha"] = 0.5
    return xgboost.train({"objective": objective, "max_depth": 1, "nthread": 1, **about}, matrix, 1)


POSITIVE = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox")


@pytest.mark.parametrize("objective", TRANSFORMS)
def test_what_an_objective_makes_of_sums(objective: str) -> None:
    booster = model(objective)
    outputs = 4 if objective.startswith("multi") else 1
    random = np.random.default_rng(len(objective))
    margins = random.normal(size=(ROWS, outputs)) * random.choice(
        [1e-30, 1e-3, 1, 5, 30, 100, 1e30], (ROWS, 1)
    )
    margins = margins.astype(np.float32)
    margins[: len(EDGES)] = EDGES[:, None]
    margins[1000:2000] = random.choice(EDGES, (1000, outputs))
    rows = np.zeros((ROWS, 1), np.float32)
    start = margins if outputs > 1 else margins.ravel()
    expected = booster.predict(xgboost.DMatrix(rows, base_margin=start, nthread=1))
    trained = Trained(bytes(booster.save_raw("ubj")))
    assert trained.library_for == ""
    made = Question(trained).ask(rows, np.ascontiguousarray(start))
    assert made.shape == expected.shape
    # What NaN has for bits, nobody sees: it is written as text.
    assert ((made.view(np.uint32) == expected.view(np.uint32)) | (np.isnan(made) & np.isnan(expected))).all()


@pytest.mark.parametrize("objective", TRANSFORMS)
def test_where_sums_begin(objective: str) -> None:
    rows = np.array([[0], [1], [np.nan]], np.float32)
    for score in (0.5, 0.3, 0.999, 1e-6, 0.12345):
        booster = model(objective, base_score=score)
        trained = Trained(bytes(booster.save_raw("json")))
        assert trained.library_for == ""
        expected = booster.predict(xgboost.DMatrix(rows, nthread=1), output_margin=True)
        assert bits(Question(trained, MARGIN).ask(rows)) == bits(expected)


@pytest.mark.parametrize(
    ("objective", "score"),
    [
        *(("binary:logistic", score) for score in ("0", "1", "1.5", "-1", "1E40")),
        *(("count:poisson", score) for score in ("0", "-1", "1E40")),
        ("reg:squarederror", "1E40"),
    ],
)
def test_a_base_score_that_is_none(objective: str, score: str) -> None:
    """It is for the library to refuse it, or to serve it."""
    document = json.loads(bytes(model(objective).save_raw("json")))
    document["learner"]["learner_model_param"]["base_score"] = f"[{score}]"
    try:
        trained = Trained(json.dumps(document).encode())
    except ArtifactError:
        return
    assert trained.library_for == "its base score"


def same(trained: Trained, rows: Any, rounds: tuple[int, int] = (0, 0), missing: float = math.nan) -> bool:
    """Whether the kernels answer as the library does in place."""
    for want in (VALUE, MARGIN):
        ours = Question(trained, want, rounds=rounds, missing=missing)
        theirs = LibraryQuestion(trained.library(), want, missing=missing, rounds=rounds, by_matrix=False)
        expected = theirs.ask(rows, None)
        if bits(ours.ask(rows)) != bits(expected):
            return False
        if any(
            bits(ours.ask_row(row)) != bits(answer)
            for row, answer in zip(rows.tolist(), expected, strict=True)
        ):
            return False
    return True


def with_hostile_trees(kind: str, random: np.random.Generator) -> bytes:
    """A model whose thresholds and leaves are at the edges of numbers, its trees in another order in the file."""
    document = json.loads(saved(kind, "json"))
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    for tree in trees:
        conditions = tree["split_conditions"]
        for node in range(len(conditions)):
            if random.random() < 0.5:
                conditions[node] = float(random.choice(EDGES[np.isfinite(EDGES)]))
        tree["default_left"] = random.integers(0, 2, len(conditions)).tolist()
    random.shuffle(trees)
    return json.dumps(document).encode()


@pytest.mark.parametrize("kind", ["regression", "softprob", "forest", "lossguide", "quantile", "targets"])
def test_hostile_trees(kind: str) -> None:
    random = np.random.default_rng(5)
    rows = np.concatenate([hostile()[::9], random.choice(EDGES, (60, FEATURES)).astype(np.float32)])
    for turn in range(4):
        trained = Trained(with_hostile_trees(kind, random))
        assert trained.library_for == ""
        assert same(trained, np.ascontiguousarray(rows[turn:]), missing=(math.nan, 0.0, 1.0, math.inf)[turn])


def test_thresholds_that_are_no_numbers() -> None:
    document = json.loads(saved("regression", "json"))
    for number, tree in enumerate(document["learner"]["gradient_booster"]["model"]["trees"]):
        tree["split_conditions"][0] = (math.inf, -math.inf, math.nan, -0.0)[number]
    kernel = kernel_of(document["learner"], Trained(saved("regression")).facts)
    assert isinstance(kernel, Kernel)
    rows = np.array([[value] * FEATURES for value in EDGES], np.float32)
    leaves = kernel.forest.leaves(rows)
    for number, tree in enumerate(document["learner"]["gradient_booster"]["model"]["trees"]):
        threshold, left = tree["split_conditions"][0], tree["left_children"][0]
        below = descendants(tree, left)
        for value, leaf in zip(EDGES.tolist(), leaves[:, number].tolist(), strict=True):
            goes_left = bool(tree["default_left"][0]) if math.isnan(value) else value < threshold
            assert (leaf in below) == goes_left


def descendants(tree: dict[str, Any], node: int) -> set[int]:
    left, right = tree["left_children"][node], tree["right_children"][node]
    return {node} if left == -1 else descendants(tree, left) | descendants(tree, right)


@pytest.mark.parametrize("indexed", [True, False])
def test_rounds(indexed: bool) -> None:
    document = json.loads(saved("forest", "json"))
    if not indexed:  # as models were written before XGBoost 1.7
        del document["learner"]["gradient_booster"]["model"]["iteration_indptr"]
    trained = Trained(json.dumps(document).encode())
    rows = np.ascontiguousarray(hostile()[::7])
    for rounds in ((0, 0), (0, 1), (1, 3), (0, 4), (3, 4)):
        assert Question(trained, rounds=rounds).asked is not None
        assert same(trained, rows, rounds)
    # The library has the words for rounds that there are not.
    assert trained.kernel is not None
    assert trained.kernel.asked(margin=False, missing=math.nan, rounds=(0, 5)) is None


def test_sparse_rows() -> None:
    trained = Trained(saved("softprob"))
    rows = hostile()
    rows = np.ascontiguousarray(rows[~np.isnan(rows).all(axis=1)])
    stored = ~np.isnan(rows)
    starts = np.concatenate(([0], np.cumsum(stored.sum(axis=1)))).astype(np.int64)
    columns, values = np.nonzero(stored)[1].astype(np.int32), rows[stored]
    made = Question(trained).ask_sparse(starts, columns, values)
    assert bits(made) == bits(Question(trained).ask(rows))
    wider = starts.astype(np.int32), columns.astype(np.int64), values.astype(np.float64)
    assert bits(Question(trained).ask_sparse(*wider)) == bits(made)  # type: ignore[arg-type]


def test_what_the_kernels_would_read_beyond_is_refused() -> None:
    trained = Trained(saved("softprob"))
    asked, rows = Question(trained).asked, np.ascontiguousarray(hostile()[:9])
    assert asked is not None
    with pytest.raises(ValueError, match="9 margins for 9 rows of 4 sums"):
        asked.ask(rows, np.zeros(9, np.float32))
    with pytest.raises(ValueError, match="the forest has 6 columns"):
        asked.ask(rows[:, :5])
    turned = np.asfortranarray(rows.astype(np.float64))
    assert bits(asked.ask(turned)) == bits(asked.ask(rows))  # type: ignore[arg-type]


def change(place: str, drop: bool = True) -> Callable[[dict[str, Any]], None]:
    def apply(learner: dict[str, Any]) -> None:
        *path, last = place.split(".")
        holder: Any = learner
        for part in path:
            holder = holder[int(part)] if part.isdigit() else holder[part]
        if drop:
            del holder[last]
        else:
            holder[last] = None

    return apply


@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize(
    "place",
    [
        "attributes",
        "gradient_booster.model.cats.enc",
        "gradient_booster.model.trees.0.loss_changes",
        "gradient_booster.model.trees.0.categories",
        "objective.softmax_multiclass_param",
    ],
)
def test_what_the_library_insists_on(place: str, drop: bool) -> None:
    """A file that it refuses is refused, though the kernels would not need what is missing."""
    document = json.loads(saved("softprob", "json"))
    change(place, drop)(document["learner"])
    with pytest.raises(ArtifactError):
        Trained(json.dumps(document).encode())


def test_objectives_of_the_old_format_are_known_to_both() -> None:
    assert set(legacy.OBJECTIVES) - set(TRANSFORMS) == {"survival:aft"}
