"""What an instance of an endpoint is started with. Light, since the gateway writes it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from skewless.containers.process.registered import Registered
from skewless.services import Services

ASKED: Final = "instance.json"


class Asked(msgspec.Struct, frozen=True):
    """What stands in ``instance.json``."""

    containers: list[dict[str, Any]]
    """CreateModel's container definitions."""
    services: Services
    direct: bool = False
    """A request names the one container that it is for."""
    images: dict[str, Registered] = {}
    """The programs that have a name as an image."""
    health_timeout: int | None = None
    """Seconds that programs have until they answer their first ping, where the variant says so."""
