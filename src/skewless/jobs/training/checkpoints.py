"""Checkpoints of a training: a folder with the model as it was after each of the last rounds.

``xgboost-checkpoint.<round>``, as the SageMaker container writes them, whose trainings go on from ours and ours from
its. Training goes on from the newest that can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from skewless.boosters import booster_model
from skewless.errors import SettingError, SkewlessError

NAME: Final = "xgboost-checkpoint"
KEPT: Final = 5
"""How many of the newest are kept."""
TEMPORARY: Final = ".sagemaker-ignore"
"""What the name of a file ends in that is only half there: beside the folder, which others copy while it grows."""

_TRIED: Final = 5
_FILE: Final = re.compile(rf"{NAME}\.(\d{{1,9}})")


class Checkpoints:
    """One folder of checkpoints. Only files that it wrote itself are ever deleted."""

    def __init__(self, folder: Path, part: Path | None = None) -> None:
        """Files grow at ``part``. SettingError where the folder cannot be made."""
        self.folder = folder
        self._part = part or folder.with_name(folder.name + TEMPORARY)
        self._written: list[int] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(f"checkpoints cannot be written to {folder}: {error.strerror}") from None

    def newest(self, note: Callable[[str], None]) -> tuple[int, bytes] | None:
        """The newest round with a sound model, and the model; a note tells of those that are none."""
        found = sorted(
            int(match[1]) for file in self.folder.iterdir() if (match := _FILE.fullmatch(file.name))
        )
        for number in found[: -_TRIED - 1 : -1]:
            model = self.model(number)
            try:
                booster_model.check(model, file=f"{NAME}.{number}")
            except SkewlessError as error:
                note(f"a checkpoint is passed over: {error}")
                continue
            return number, model
        return None

    def model(self, number: int) -> bytes:
        """The model after a round. SettingError where it cannot be read."""
        file = self._file(number)
        try:
            return file.read_bytes()
        except OSError as error:
            raise SettingError(f"cannot read the checkpoint {file}: {error.strerror}") from None

    def save(self, number: int, model: bytes, *, best: int | None) -> None:
        """Write a round's model, whole or not at all, and delete old ones; never that of the round ``best``."""
        file = self._file(number)
        try:
            self._part.write_bytes(model)
            self._part.replace(file)
            self._written.append(number)
            for old in [old for old in self._written[:-KEPT] if old != best]:
                self._written.remove(old)
                self._file(old).unlink(missing_ok=True)
        except OSError as error:
            raise SettingError(f"cannot write the checkpoint {file}: {error.strerror}") from None

    def of_fold(self, fold: int) -> Checkpoints:
        """Those of one fold of a cross-validation, in a folder of their own."""
        return Checkpoints(self.folder / f"model-{fold}", self._part)

    def _file(self, number: int) -> Path:
        return self.folder / f"{NAME}.{number}"
