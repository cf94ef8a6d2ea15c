"""Points in time, read from and written in the wire's formats."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from skewless.aws.refusal import malformed


def read(value: Any) -> datetime:
    """Seconds since 1970, ISO 8601 or an HTTP date, as an aware datetime; clients may send any of them."""
    try:
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            return _read_text(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise malformed(f"{value!r} can not be converted to a timestamp")


def _read_text(text: str) -> datetime:
    if text.replace(".", "", 1).removeprefix("-").isdecimal():
        return datetime.fromtimestamp(float(text), UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds(value: float | datetime) -> float:
    """Seconds since 1970 of what an operation answers."""
    return value.timestamp() if isinstance(value, datetime) else value


def iso(value: float | datetime) -> str:
    """ISO 8601 with milliseconds, in UTC."""
    return (
        datetime.fromtimestamp(seconds(value), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def written(value: float | datetime, time_format: str) -> float | str:
    """In a format of the model: iso8601, rfc822 or unixTimestamp."""
    if time_format == "iso8601":
        return iso(value)
    if time_format == "rfc822":
        return format_datetime(datetime.fromtimestamp(int(seconds(value)), UTC), usegmt=True)
    return seconds(value)
