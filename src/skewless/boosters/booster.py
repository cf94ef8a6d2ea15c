"""A model that predicts with the bits of XGBoost's own package, and refuses what training refuses.

It is what answers for XGBoost's container, so it speaks as the original container does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, NoReturn, TypeAlias

import numpy as np

from skewless.boosters.booster_model import ModelFacts
from skewless.boosters.library import Columns, Floats, Integers
from skewless.boosters.trained import AskRow, Question, Trained
from skewless.errors import ValueRefused
from skewless.native.xgboost import Asked

PackedRow: TypeAlias = Callable[[bytes], Sequence[float] | None]

REFUSED: Final = "Unable to evaluate payload provided: "
"""How every refusal of well-formed numbers begins, as in the original container."""
INFINITE: Final = (
    REFUSED + "Input data contains `inf` or a value too large, while `missing` is not set to `inf`"
)


class Booster:
    """A trained model that predicts, with the bits of ``xgboost.Booster.predict(DMatrix(x, missing=nan))``.

    All its trees count, as there, but for a model in an older form: there those up to the best round of early stopping,
    as it was served then. Any number of threads may predict at once. ``outputs`` is None where a row's
    prediction is one number, else how many there are. ``library_for`` is empty where the compiled kernels predict, else
    what about the model is left to XGBoost's library.
    """

    def __init__(self, model: bytes, *, artifact: str | None = None, file: str | None = None) -> None:
        """ArtifactError where the file is damaged or no model."""
        self._trained = Trained(model, artifact=artifact, file=file)
        facts = self._trained.facts
        self.features, self.objective, self.groups = facts.features, facts.objective, facts.groups
        self.pickled = facts.pickled
        self.kind, self.trees = facts.booster, facts.trees
        self._question = Question(self._trained, by_matrix=self.kind != "gbtree", rounds=_rounds(facts))
        self.outputs = self._question.shape[0] if self._question.shape else None
        self.library_for = self._trained.library_for
        asked = self._question.asked
        self.predict_packed = None if asked is None else self._packed_row(asked)
        """The prediction for one row as the bytes of its 32-bit floats, with all its numbers; None for infinity.

        There is none where the library predicts.
        """
        self.predict_row: AskRow = self._library_row if asked is None else self._kernel_row(asked)
        """The prediction for one row: the same bits as `predict`, as Python floats."""

    def predict(self, rows: Floats) -> Floats:
        """Predictions for a C-contiguous float32 matrix: a vector, or a matrix where a row has several.

        NaN is missing. ValueRefused for a wrong number of features and for infinity, which the library would take
        without a word here, but refuses in training.
        """
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise self.shape_error(rows.shape[-1])
        rows = np.ascontiguousarray(rows, np.float32)
        infinite = np.isinf(rows)
        if infinite.any():
            row, column = np.argwhere(infinite)[0].tolist()
            raise _infinite(column, row + 1, float(rows[row, column]))
        return self._question.ask(rows)

    def predict_sparse(self, starts: Integers, columns: Columns, values: Floats) -> Floats:
        """`predict` for rows in compressed form (CSR); an absent entry is missing, as NaN is.

        ValueRefused for a column that the model has not, and for infinity.
        """
        for wrong in np.flatnonzero((columns < 0) | (columns >= self.features))[:1]:
            error = self.shape_error(int(columns[wrong]) + 1)
            error.row = int(np.searchsorted(starts, wrong, "right"))
            raise error
        for wrong in np.flatnonzero(np.isinf(values))[:1]:
            row = int(np.searchsorted(starts, wrong, "right"))
            raise _infinite(int(columns[wrong]), row, float(values[wrong]))
        return self._question.ask_sparse(starts, columns, values)

    def _packed_row(self, asked: Asked) -> PackedRow:
        answer, trained, single = asked.one_row(), self._trained, self.outputs is None

        def predict_packed(row: bytes) -> Sequence[float] | None:
            if trained.closed:
                trained.check_open()
            made = answer(row)
            return (made,) if single and made is not None else made  # type: ignore[return-value]

        return predict_packed

    def _kernel_row(self, asked: Asked) -> AskRow:
        pack, answer, trained = struct.Struct(f"={self.features}f").pack, asked.one_row(), self._trained

        def predict_row(values: Sequence[float]) -> float | list[float]:
            if trained.closed:
                trained.check_open()
            try:
                made = answer(pack(*values))
            except struct.error:
                if len(values) == self.features:
                    raise
                raise self.shape_error(len(values)) from None
            except OverflowError:
                made = None
            return self._refuse_infinite(values) if made is None else made

        return predict_row

    def _library_row(self, values: Sequence[float]) -> float | list[float]:
        if len(values) != self.features:
            raise self.shape_error(len(values))
        total = sum(values)
        if total - total != 0.0 and (inf in values or -inf in values):
            self._refuse_infinite(values)
        try:
            return self._question.ask_row(values)
        except OverflowError:
            return self._refuse_infinite(values)

    def close(self) -> None:
        """Give the model back; a second call does nothing."""
        self._trained.close()

    def shape_error(self, got: int) -> ValueRefused:
        """The refusal of a row with another number of features, in the library's words."""
        return ValueRefused(
            f"{REFUSED}Feature shape mismatch, expected: {self.features}, got {got}",
            value=got,
            hint=f"Send {self.features} features for each row, without the label.",
        )

    def _refuse_infinite(self, values: Sequence[float]) -> NoReturn:
        with np.errstate(over="ignore"):
            narrow = np.asarray(values, np.float64).astype(np.float32)
        column = int(np.flatnonzero(np.isinf(narrow))[0])
        raise _infinite(column, 1, values[column])


def _rounds(facts: ModelFacts) -> tuple[int, int]:
    """Those that count; a linear model has none."""
    if not facts.limit or facts.booster == "gblinear" or facts.limit >= facts.trees // facts.groups:
        return (0, 0)
    return (0, -(-facts.limit // facts.parallel))


def _infinite(column: int, row: int, value: float) -> ValueRefused:
    return ValueRefused(
        INFINITE,
        column=f"f{column}",
        row=row,
        value=value,
        hint="Leave the cell empty where the value is missing; numbers go up to 3.4028235e38.",
    )
