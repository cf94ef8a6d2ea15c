"""What the XGBoost library says when it refuses: its sentence without the traces of C++, as an error of ours."""

from __future__ import annotations

import re
from typing import Final

from skewless.errors import HyperparameterError, SkewlessError, TrainingDataError
from skewless.jobs.training.hyperparameter_rules import Values

_TRACE: Final = re.compile(r"\n*Stack trace:.*", re.DOTALL)
_PLACE: Final = re.compile(r"\[\d\d:\d\d:\d\d\] (?:WARNING: )?\S+:\d+: ")
_CHECK: Final = re.compile(r"Check failed: .+? ?: (?=\S)")
_ABOUT_DATA: Final = re.compile(
    r"\blabels?\b|\bauc\b|\bweights?\b|\binput data\b|\bdoes not match number of features\b|\bgroup\b"
    r"|\bpos or neg samples\b|\bRelevance\b"
    r"|Failed to find the initial bucket",
    re.IGNORECASE,
)
_ABOUT_SETTINGS: Final = re.compile(
    r"\bParameter\b|\bInvalid\b|\bUnknown\b|\b(?:must|should|can only) be\b|\bnot (?:yet )?(?:supported|implemented)\b"
    r"|\bonly supports?\b|\bbase_score\b|\bconstraint|\bfor updating\b"
    r"|\bdoesn't support\b|\bcan ?not be used\b|\bonly support\b",
    re.IGNORECASE,
)

FAILED: Final = "XGB train call failed with exception"
"""How the original begins the reason of such a failure."""


def cleaned(text: str) -> str:
    """The library's sentence alone, on one line."""
    text = _PLACE.sub("", _TRACE.sub("", text).strip(), count=1)
    return " ".join(_CHECK.sub("", text, count=1).split()).rstrip(" :")


def refusal(text: str, values: Values) -> SkewlessError:
    """TrainingDataError where it is about labels, weights or features, HyperparameterError where it is about those.

    Whatever it says else is no fault of whoever trains: TrainingFailed, as the original has it.
    """
    sentence = f"XGBoost refused: {cleaned(text)}"
    # Where nobody gave a base_score, it is estimated from the labels.
    is_estimate = "base_score" in sentence and "base_score" not in values
    if is_estimate or _ABOUT_DATA.search(sentence):
        objective = values.get("objective", "reg:squarederror")
        return TrainingDataError(sentence, hint=f"Do the labels suit {objective}?")
    if _ABOUT_SETTINGS.search(sentence):
        return HyperparameterError(sentence, hint="Change or leave out the hyperparameter it names.")
    return TrainingFailed(f"{FAILED}:\n {cleaned(text)}")


class TrainingFailed(SkewlessError):
    """The library gave up, and not over what it was given."""
