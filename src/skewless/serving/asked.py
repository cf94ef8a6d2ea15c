"""What an instance of an endpoint is started with. Light, since the gateway writes it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from skewless.services import Services

ASKED: Final = "instance.json"


class Asked(msgspec.Struct, frozen=True):
    """What stands in ``instance.json``."""

    containers: list[dict[str, Any]]
    """CreateModel's container definitions."""
    services: Services
