"""XGBoost's own estimators as the last step of a scikit-learn pipeline; they are run by XGBoost's own library."""

from __future__ import annotations

import math

from skewless.boosters.trained import Trained
from skewless.ops.boosted import SKLEARN, Asked
from skewless.ops.op import Lowered
from skewless.ops.sklearn.combined import Combined
from skewless.ops.sklearn.numbers import Fitted
from skewless.ops.sklearn.outcomes import answered, answering, classified
from skewless.ops.sklearn_step import PREDICTION, PROBABILITY, Made, SklearnStep, reads_sklearn
from skewless.ops.xgboost import XGBoostClassifier, XGBoostRegression


def _asked(step: SklearnStep) -> tuple[Trained, Asked]:
    fitted = step.estimator
    booster = fitted.get_booster()
    if "c" in (booster.feature_types or ()):
        raise step.refused(
            "it has categories of its own", "Encode them before, by an OrdinalEncoder or OneHotEncoder."
        )
    trained = Trained(bytes(booster.save_raw("ubj")), artifact=str(step))
    best = trained.facts.best_round
    missing = math.nan if fitted.missing is None else float(fitted.missing)
    # What a sparse matrix leaves out is missing to XGBoost, which a zero of a dense one is not.
    return trained, Asked(SKLEARN, missing, step.sparse, (0, 0) if best is None else (0, best + 1))


@reads_sklearn(
    "xgboost.sklearn.XGBClassifier",
    ops=(XGBoostClassifier, Combined),
    forms="predict and predict_proba; missing, early stopping; categories only if encoded before",
)
def _read_classifier(step: SklearnStep) -> Made:
    trained, asked = _asked(step)
    op = XGBoostClassifier(trained, asked, ports=(PROBABILITY,))
    probability, prediction = answered(step, (PROBABILITY, PREDICTION))
    chosen = Combined("mean", Fitted([1.0]), 1.0, classified(step, "winner"))
    ops = (Lowered(op, step.inputs, (probability,)), Lowered(chosen, (probability,), (prediction,)))
    return Made(ops, {probability: "predict_proba", prediction: "predict"})


@reads_sklearn(
    "xgboost.sklearn.XGBRegressor",
    "xgboost.sklearn.XGBRanker",
    ops=(XGBoostRegression,),
    forms="predict; missing, early stopping; categories only if encoded before",
)
def _read_regressor(step: SklearnStep) -> Made:
    trained, asked = _asked(step)
    return answering(step, XGBoostRegression(trained, asked, ports=(PREDICTION,)))
