"""What the environment says about a script to be served."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skewless.errors import SettingError

KINDS: Final = ("sklearn", "xgboost", "python")
"""The containers that can be played: which functions there are by default, and how bodies are read."""
PYTHON_PROGRAM: Final = "inference.py"
"""The script of an own Python container where no other is named."""

CODE: Final = "SAGEMAKER_SUBMIT_DIRECTORY"

_BASE: Final = Path("/opt/ml")
_PORT: Final = 8080
_TIMEOUT: Final = 60
_MOST_WORKERS: Final = 4
"""Workers where the variable names no number: each holds a model of its own, and containers share the machine."""
_MOST_BODY: Final = 100 << 20
"""Bytes of a body where the variable names no number: what a batch may send at once."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """How one script is served."""

    kind: str
    name: str
    """The script, as a path below its folder."""
    code: Path
    """The folder that it and its own modules are imported from; or an archive of it, to be unpacked first."""
    model_dir: Path
    accept: str | None
    """What is answered where the caller does not say."""
    workers: int
    timeout: int
    """Seconds from a request to its answer."""
    most_body: int
    log_level: int
    strict: bool
    """Exactly as the original container."""
    socket: Path | None
    """Where to listen; otherwise the port."""
    port: int

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Hosting:
        """SettingError names the variable that is wrong, or the script that is not there."""
        kind = environment.get("SKEWLESS_HOSTING") or "python"
        if kind not in KINDS:
            raise SettingError(f"SKEWLESS_HOSTING={kind!r} is no container", hint=f"Use {', '.join(KINDS)}.")
        model_dir = Path(environment.get("SM_MODEL_DIR") or _BASE / "model")
        name = environment.get("SAGEMAKER_PROGRAM") or (PYTHON_PROGRAM if kind == "python" else "")
        if not name:
            raise SettingError(
                "SAGEMAKER_PROGRAM is not set", hint="Name the script, for instance inference.py."
            )
        return cls(
            kind=kind,
            name=name if name.endswith(".py") else f"{name}.py",
            code=_code(environment, model_dir, name),
            model_dir=model_dir,
            accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or None,
            workers=_number(
                environment, "SAGEMAKER_MODEL_SERVER_WORKERS", min(os.cpu_count() or 1, _MOST_WORKERS)
            ),
            timeout=_number(environment, "SAGEMAKER_MODEL_SERVER_TIMEOUT", _TIMEOUT),
            most_body=_number(environment, "SAGEMAKER_MAX_REQUEST_SIZE", _MOST_BODY),
            log_level=_number(environment, "SAGEMAKER_CONTAINER_LOG_LEVEL", logging.INFO),
            strict=environment.get("SKEWLESS_STRICT", "").lower() in ("1", "true", "yes"),
            socket=Path(text) if (text := environment.get("SKEWLESS_BIND_TO_SOCKET")) else None,
            port=_number(environment, "SAGEMAKER_BIND_TO_PORT", _PORT),
        )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:12]) < 1 << 31):
        raise SettingError(f"{name}={text[:40]!r} is not a whole number above 0")
    return int(text)


def _code(environment: Mapping[str, str], model_dir: Path, name: str) -> Path:
    """The folder of the code, or the archive that holds it."""
    told = environment.get(CODE)
    if told and "://" in told:
        raise SettingError(
            f"{CODE}={told!r} is an address, and this program fetches nothing",
            hint="Name a folder, or a tar.gz on this machine.",
        )
    if told:
        return Path(told.removeprefix("file://"))
    beside = model_dir / "code"
    return beside if (beside / name).is_file() else _BASE / "code"
