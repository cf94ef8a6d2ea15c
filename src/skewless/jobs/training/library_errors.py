"""What the XGBoost library says when it refuses: its sentence without the traces of C++, as an error of ours."""

from __future__ import annotations

import re
from typing import Final

from skewless.errors import HyperparameterError, SkewlessError, TrainingDataError

_TRACE: Final = re.compile(r"\n*Stack trace:.*", re.DOTALL)
_PLACE: Final = re.compile(r"\[\d\d:\d\d:\d\d\] (?:WARNING: )?\S+:\d+: ")
_CHECK: Final = re.compile(r"Check failed: .+? ?: (?=\S)")
_ABOUT_DATA: Final = re.compile(r"\blabels?\b|\bauc\b|\bweights must\b|\binput data\b", re.IGNORECASE)


def cleaned(text: str) -> str:
    """The library's sentence alone, on one line."""
    text = _PLACE.sub("", _TRACE.sub("", text).strip(), count=1)
    return " ".join(_CHECK.sub("", text, count=1).split()).rstrip(" :")


def refusal(text: str, objective: str) -> SkewlessError:
    """TrainingDataError where it is about labels, weights or features, HyperparameterError otherwise."""
    sentence = f"XGBoost refused: {cleaned(text)}"
    if _ABOUT_DATA.search(sentence):
        return TrainingDataError(sentence, hint=f"Do the labels in the first column suit {objective}?")
    return HyperparameterError(sentence, hint="Change or leave out the hyperparameter it names.")
