"""Whether requests are traced, as OpenTelemetry's environment variables say; without them none of it is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from skewless.errors import SettingError
from skewless.lazy import resolve

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP: Final = "http/protobuf"
_SPANS: Final = "skewless.telemetry.spans:Spans"


class Tracing(Protocol):
    """Takes finished requests; see `skewless.telemetry.spans.Spans`."""

    def request(
        self,
        headers: Mapping[str, str],
        status: int,
        times: tuple[int, int],
        containers: Sequence[tuple[str, str, int, int]],
        failed: str | None,
    ) -> None:
        """One request with its containers."""


def tracing(environment: Mapping[str, str] = os.environ) -> Tracing | None:
    """None where no exporter is configured. SettingError for a protocol other than HTTP, or without the extra."""
    if not any(environment.get(name) for name in _ENDPOINTS):
        return None
    if (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environment.get("OTEL_TRACES_EXPORTER") == "none"
    ):
        return None
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), _HTTP)
    if protocol != _HTTP:
        raise SettingError(f"OpenTelemetry's protocol {protocol} is not spoken here", hint=f"Use {_HTTP}.")
    try:
        made: Tracing = resolve(_SPANS)()
    except ModuleNotFoundError as error:
        raise SettingError(
            f"an exporter of OpenTelemetry is configured, but {error.name} is not installed",
            hint="Install it: pip install 'skewless[otel]'",
        ) from None
    return made
