"""Predictors made of others: each member is walked by itself, and an op puts their answers together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from functools import partial
from typing import Any, Final

import numpy as np

from skewless.errors import UnsupportedError
from skewless.export.sklearn_data import Flow
from skewless.export.sklearn_walk import WALKED, Walk
from skewless.ops.op import Lowered
from skewless.ops.sklearn.columns import Stack
from skewless.ops.sklearn.combined import Calibrated, Combined
from skewless.ops.sklearn.distances import Centres
from skewless.ops.sklearn.numbers import Fitted
from skewless.ops.sklearn.outcomes import Outcome, Valued, answered, answering, classified
from skewless.ops.sklearn_step import DECISION, PREDICTION, PROBABILITY, WAY_OUT, Made, SklearnStep, labels_of

PREDICT: Final = "predict"
PROBA: Final = "predict_proba"
DECIDE: Final = "decision_function"


def _refused(path: str, estimator: Any, why: str, hint: str = WAY_OUT) -> UnsupportedError:
    return SklearnStep(estimator, path, (), (), "").refused(why, hint)


def _below(path: str, estimator: Any, name: object) -> str:
    return f"{path or type(estimator).__name__.lower()}__{name}"


def _members(
    walk: Walk, estimator: Any, path: str, flow: Flow, named: Iterable[tuple[object, Any]], *methods: str
) -> list[str]:
    """For every member the column of the first of these methods that it has."""
    columns = []
    for name, member in named:
        made = walk.member(member, _below(path, estimator, name), flow)
        column = next((made[method] for method in methods if method in made), None)
        if column is None:
            raise _refused(path, estimator, f"its member {name} has no {' or '.join(methods)}")
        columns.append(column)
    return columns


def _combined(
    kind: str,
    outcome: Outcome,
    columns: Sequence[str],
    weights: Any,
    scale: float,
    labels: Any,
    step: SklearnStep,
) -> Made:
    op = Combined(kind, Fitted(weights), float(scale), outcome, tuple(labels_of(labels)))
    return answering(step, op, columns)


# Voting.


def _voting(walk: Walk, voting: Any, path: str, flow: Flow, last: bool) -> Flow:
    named = [(name, one) for name, one in voting.estimators if not (isinstance(one, str) and one == "drop")]
    pairs = [(name, fitted) for (name, _), fitted in zip(named, voting.estimators_, strict=True)]
    soft = getattr(voting, "voting", None) == "soft"
    columns = _members(walk, voting, path, flow, pairs, PROBA if soft else PREDICT)
    given = voting._weights_not_none
    weights = np.ones(len(columns)) if given is None else np.asarray(given, np.float64)

    def read(step: SklearnStep) -> Made:
        if not hasattr(voting, "classes_"):
            return _combined("mean", Valued(), columns, weights, weights.sum(), (), step)
        if soft:
            return _combined(
                "mean", classified(step, "probability"), columns, weights, weights.sum(), (), step
            )
        places = np.arange(len(voting.classes_))
        return _combined("votes", classified(step, "winner"), columns, weights, 1.0, places, step)

    return walk.together(voting, path, flow, last, read)


# Bagging.


def _bagging(walk: Walk, bagging: Any, path: str, flow: Flow, last: bool) -> Flow:
    columns, methods = [], (PROBA, PREDICT) if hasattr(bagging, "classes_") else (PREDICT,)
    voted = False
    for number, (member, places) in enumerate(
        zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    ):
        below = _below(path, bagging, number)
        every = np.array_equal(places, np.arange(bagging.n_features_in_))
        chosen = flow if every else walk.select(walk.matrix(flow, below), places.tolist(), below)
        if hasattr(bagging, "classes_") and len(member.classes_) != len(bagging.classes_):
            raise _refused(
                path, bagging, f"its member {number} has not seen all classes", "Fit it on larger samples."
            )
        columns += _members(walk, bagging, path, chosen, [(number, member)], *methods)
        voted = PROBA in methods and not hasattr(member, PROBA)
    count = len(columns)

    def read(step: SklearnStep) -> Made:
        if not hasattr(bagging, "classes_"):
            return _combined("mean", Valued(), columns, np.ones(count), count, (), step)
        outcome, kind = classified(step, "probability"), "votes" if voted else "mean"
        labels = np.arange(len(bagging.classes_)) if voted else ()
        return _combined(kind, outcome, columns, np.ones(count), count, labels, step)

    return walk.together(bagging, path, flow, last, read)


# AdaBoost.


def _adaboost(walk: Walk, boosted: Any, path: str, flow: Flow, last: bool) -> Flow:
    flow = walk.checked(walk.matrix(flow, _below(path, boosted, "input")), _below(path, boosted, "checked"))
    columns = _members(walk, boosted, path, flow, enumerate(boosted.estimators_), PREDICT)
    weights = np.asarray(boosted.estimator_weights_, np.float64)[: len(columns)]

    def read(step: SklearnStep) -> Made:
        if not hasattr(boosted, "classes_"):
            return _combined("median", Valued(), columns, weights, 1.0, (), step)
        outcome = classified(step, "samme" if len(boosted.classes_) == 2 else "samme_classes")
        scale = boosted.estimator_weights_.sum()
        return _combined("samme", outcome, columns, weights, scale, boosted.classes_, step)

    return walk.together(boosted, path, flow, last, read)


# One against the rest, and each against each.


def _one_vs_rest(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    if model.multilabel_:
        raise _refused(path, model, "it predicts several labels for a row", "Fit one model for each.")
    made = []
    for number, member in enumerate(model.estimators_):
        if type(member).__name__ == "_ConstantPredictor":
            raise _refused(path, model, f"its class {number} was always or never there", "Fit it on both.")
        made.append(walk.member(member, _below(path, model, number), flow))
    scores = [one.get(DECIDE, one.get(PROBA, one.get(PREDICT, ""))) for one in made]
    return walk.together(model, path, flow, last, partial(_read_one_vs_rest, made, scores))


def _read_one_vs_rest(made: Sequence[Any], scores: Sequence[str], step: SklearnStep) -> Made:
    two, ones = len(made) == 1, Fitted(np.ones(len(made)))
    decides, shares = all(DECIDE in one for one in made), all(PROBA in one for one in made)
    decision, probability, prediction = answered(step, (DECISION, PROBABILITY, PREDICTION))
    ops, columns = [], {}
    if shares:
        op = Combined("scores", ones, 1.0, classified(step, "sides" if two else "shares"))
        # Where there are no decisions, the classes follow from the probabilities, before they are shared.
        ops.append(Lowered(op, tuple(one[PROBA] for one in made), (probability, "")))
        columns[probability] = PROBA
    if two and not decides and shares:
        op = Combined("threshold", ones, np.nextafter(0.5, 1.0), classified(step, "only_side"))
        ops.append(Lowered(op, tuple(scores), (prediction,)))
    elif two and not decides:
        raise step.refused("its member is a regressor", "Use a classifier.")
    else:
        op = Combined("scores", ones, 1.0, classified(step, "side" if two else "largest"))
        ops.append(Lowered(op, tuple(scores), (decision if decides else "", prediction)))
        if decides:
            columns[decision] = DECIDE
    return Made(tuple(ops), {**columns, prediction: PREDICT})


def _one_vs_one(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    made = [
        walk.member(member, _below(path, model, number), flow)
        for number, member in enumerate(model.estimators_)
    ]
    scores = [one.get(DECIDE, one.get(PROBA, "")) for one in made]
    if not all(scores) or (len(model.classes_) == 2 and not all(DECIDE in one for one in made)):
        raise _refused(path, model, "its members have no decision_function", "Use members that have one.")
    columns = [*(one[PREDICT] for one in made), *scores]

    def read(step: SklearnStep) -> Made:
        outcome = classified(step, "side" if len(model.classes_) == 2 else "largest")
        return _combined("pairs", outcome, columns, np.ones(len(columns)), 1.0, (), step)

    return walk.together(model, path, flow, last, read)


def _output_code(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    columns = _members(walk, model, path, flow, enumerate(model.estimators_), DECIDE)

    def read(step: SklearnStep) -> Made:
        together = f"{step.output}__decisions"
        (prediction,) = answered(step, (PREDICTION,))
        ops = (
            Lowered(Stack((None,) * len(columns)), tuple(columns), (together,), temporary=True),
            Lowered(Centres(Fitted(model.code_book_), classified(step, "least")), (together,), (prediction,)),
        )
        return Made(ops, {prediction: PREDICT})

    return walk.together(model, path, flow, last, read)


# Calibration.


def _calibrated(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    mended: list[tuple[Calibrated, str]] = []
    for number, one in enumerate(model.calibrated_classifiers_):
        made = walk.member(one.estimator, _below(path, model, number), flow)
        of_probability = DECIDE not in made
        column = made.get(PROBA, "") if of_probability else made[DECIDE]
        if not column or len(one.estimator.classes_) != len(model.classes_):
            raise _refused(path, model, f"its member {number} does not tell of all classes")
        curves = tuple(_curve(one.method, calibrator) for calibrator in one.calibrators)
        mended.append((_of_curves(one, curves, of_probability), column))

    def read(step: SklearnStep) -> Made:
        columns = tuple(f"{step.path}__{number}_calibrated" for number in range(len(mended)))
        ops = [
            Lowered(op, (column,), (made, ""), temporary=True)
            for (op, column), made in zip(mended, columns, strict=True)
        ]
        count = len(columns)
        outcome = classified(step, "probability")
        last_op = _combined("mean", outcome, columns, np.ones(count), count, (), step)
        return Made((*ops, *last_op.ops), last_op.columns)

    return walk.together(model, path, flow, last, read)


def _of_curves(one: Any, curves: tuple[tuple[Fitted, Fitted], ...], of_probability: bool) -> Calibrated:
    labels = SklearnStep(one, "calibrated", (), (), "")
    return Calibrated(one.method, curves, classified(labels, "probability", one.classes), of_probability)


def _curve(method: str, calibrator: Any) -> tuple[Fitted, Fitted]:
    if method == "isotonic":
        return Fitted(calibrator.X_thresholds_), Fitted(calibrator.y_thresholds_)
    if method == "temperature":
        return Fitted([calibrator.beta_]), Fitted([0.0])
    return Fitted([calibrator.a_]), Fitted([calibrator.b_])


# Stacking.


def _stacking(walk: Walk, stacking: Any, path: str, flow: Flow, last: bool) -> Flow:
    named = [(name, one) for name, one in stacking.estimators if not (isinstance(one, str) and one == "drop")]
    if stacking.cv == "prefit" and len(named) != len(stacking.estimators_):
        raise _refused(path, stacking, "its members are not those that it was given")
    columns: list[str] = []
    for (name, _), member, method in zip(named, stacking.estimators_, stacking.stack_method_, strict=True):
        made = walk.member(member, _below(path, stacking, name), flow)
        if method not in made:
            raise _refused(path, stacking, f"its member {name} has no {method}")
        column = made[method]
        if method == PROBA and walk.known[column].size == 2:
            second = walk.select(
                Flow((column,), (walk.known[column],)), [1], _below(path, stacking, f"{name}_second")
            )
            column = second.columns[0]
        columns.append(column)
    if stacking.passthrough:
        whole = walk.matrix(flow, _below(path, stacking, "passed"))
        columns.append(whole.columns[0])
    data = None if flow.data is None else stacking.transform(flow.data)
    flows = [Flow((column,), (walk.known[column],)) for column in columns]
    sparse = bool(stacking.passthrough and flow.sparse)
    stacked = walk.stack(flows, _below(path, stacking, "stacked"), sparse, data, False)
    return walk.walk(
        _named_classes(stacking, path), path or type(stacking).__name__.lower(), stacked, last=last
    )


def _named_classes(stacking: Any, path: str) -> Any:
    """The final estimator, which knows classes by number, with their names."""
    final = copy(stacking.final_estimator_)
    if hasattr(stacking, "classes_"):
        try:
            final.classes_ = stacking.classes_
        except AttributeError:
            why = f"its final estimator is a {type(final).__name__}, which keeps no classes of its own"
            raise _refused(path, stacking, why, "Use a single classifier as final_estimator.") from None
    return final


# What only changes thresholds, or nothing.


def _threshold(walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    made = walk.member(model.estimator_, _below(path, model, "estimator"), flow)
    fixed = type(model).__name__ == "FixedThresholdClassifier"
    cut = model.threshold if fixed else model.best_threshold_
    asked = model.response_method
    method = asked if asked != "auto" else PROBA if PROBA in made else DECIDE
    positive = model.pos_label if fixed else model._curve_scorer._get_pos_label()
    if positive is not None and positive != model.classes_[1]:
        raise _refused(path, model, "its pos_label is the first class", "Use the second one as pos_label.")
    if method not in made:
        raise _refused(path, model, f"its estimator has no {method}")
    if cut == "auto":
        cut = 0.5 if method == PROBA else 0.0

    def read(step: SklearnStep) -> Made:
        return _combined("threshold", classified(step, "only_side"), [made[method]], [1.0], cut, (), step)

    return walk.together(model, path, flow, last, read)


def _inner(name: str, walk: Walk, model: Any, path: str, flow: Flow, last: bool) -> Flow:
    """One that does as another that it holds."""
    return walk.walk(getattr(model, name), path or type(model).__name__.lower(), flow, last=last)


WALKED.update(
    {
        "sklearn.ensemble._voting.VotingClassifier": _voting,
        "sklearn.ensemble._voting.VotingRegressor": _voting,
        "sklearn.ensemble._bagging.BaggingClassifier": _bagging,
        "sklearn.ensemble._bagging.BaggingRegressor": _bagging,
        "sklearn.ensemble._weight_boosting.AdaBoostClassifier": _adaboost,
        "sklearn.ensemble._weight_boosting.AdaBoostRegressor": _adaboost,
        "sklearn.ensemble._stacking.StackingClassifier": _stacking,
        "sklearn.ensemble._stacking.StackingRegressor": _stacking,
        "sklearn.multiclass.OneVsRestClassifier": _one_vs_rest,
        "sklearn.multiclass.OneVsOneClassifier": _one_vs_one,
        "sklearn.multiclass.OutputCodeClassifier": _output_code,
        "sklearn.calibration.CalibratedClassifierCV": _calibrated,
        "sklearn.model_selection._classification_threshold.FixedThresholdClassifier": _threshold,
        "sklearn.model_selection._classification_threshold.TunedThresholdClassifierCV": _threshold,
        "sklearn.linear_model._ransac.RANSACRegressor": partial(_inner, "estimator_"),
        "sklearn.semi_supervised._self_training.SelfTrainingClassifier": partial(_inner, "estimator_"),
    }
)
