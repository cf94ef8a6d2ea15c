"""What can be set from outside by an environment variable, read once and checked.

Every setting is a field of `Settings`; its environment variable is ``SKEWLESS_`` and the field's name in capitals.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from skewless.errors import SettingError
from skewless.trust import NO_TRUST, Trust

ENVIRONMENTS: Final = "SKEWLESS_ENVIRONMENTS"
"""The variable of a field that the gateway sets for its children."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and modes, each with its default."""

    max_payload_mb: int = 6
    """Largest request body, in MiB."""
    max_artifact_mb: int = 4096
    """Largest model artifact once unpacked, in MiB."""
    max_artifact_files: int = 100_000
    """Most files in a model artifact."""
    max_answer_mb: int = 100
    """Largest answer that is taken from a container's program, in MiB."""
    invocation_timeout: int = 60
    """Seconds that a container's program has to answer an invocation."""
    health_timeout: int = 240
    """Seconds that a container's program has to answer its first ping."""
    container_memory_mb: int = 4096
    """Most memory that a container's program and all that it starts may use together, in MiB."""
    container_tasks: int = 1024
    """Most processes and threads of a container's program."""
    environments: Path = Path("~/.cache/skewless/environments")
    """Where virtual environments are kept that containers and training scripts ask for by a requirements.txt."""
    data_dir: Path = Path(".skewless")
    """The data folder of `skewless up`, where images are registered."""
    strict: bool = False
    """Behave exactly like the original containers, data loss included."""
    trust: Trust = NO_TRUST
    """Code in artifacts that may run, by its SHA-256; ``all`` for every code."""

    @property
    def max_payload(self) -> int:
        """Largest request body in bytes."""
        return self.max_payload_mb << 20

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings of this process. SettingError names a variable whose text is wrong."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = f"SKEWLESS_{field.name.upper()}"
            if name in environment:
                given[field.name] = _parse(name, environment[name], field.default)
        return cls(**given)


def _parse(name: str, text: str, default: Any) -> int | bool | Path | Trust:
    if isinstance(default, Path):
        return Path(text)
    if isinstance(default, Trust):
        return Trust.of(text, name)
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes"):
            return True
        if text.lower() in ("0", "false", "no", ""):
            return False
        raise SettingError(f"{name}={text!r} is not a flag", hint="Use 1 or 0.")
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{name}={text!r} is not a whole number above 0")
    return int(text)
