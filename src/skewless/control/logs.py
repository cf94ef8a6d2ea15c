"""CloudWatch Logs: groups and their streams, and what users' own scripts write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from skewless.control.errors import ServiceError
from skewless.control.pages import seal, unseal
from skewless.control.plane import Members, Plane, operation, present
from skewless.telemetry.logs import MAX_MESSAGE, LogGroup, LogStream

SERVICE: Final = "logs"
MOST: Final = 50
"""Groups or streams of one answer."""
MAX_BATCH: Final = 1 << 20
"""Bytes of one PutLogEvents, and of one answer with events: messages in UTF-8 and 26 for each."""
EVENT_OVERHEAD: Final = 26
TOO_NEW: Final = 2 * 3600_000
TOO_OLD: Final = 14 * 24 * 3600_000
LONGEST_BATCH: Final = 24 * 3600_000
SEQUENCE_TOKEN: Final = "49" + "0" * 54
"""AWS takes any sequence token, and still gives one out."""


def refused(message: str) -> ServiceError:
    """The InvalidParameterException that CloudWatch Logs answers most mistakes with."""
    return ServiceError("InvalidParameterException", message)


def missing(what: str) -> ServiceError:
    """The ResourceNotFoundException for a ``log group`` or a ``log stream``."""
    return ServiceError("ResourceNotFoundException", f"The specified {what} does not exist.")


def group_of(plane: Plane, request: Members) -> LogGroup:
    """The group that the request names, by its name or as an identifier."""
    given = [request[name] for name in ("logGroupName", "logGroupIdentifier") if name in request]
    if len(given) != 1:
        raise refused("Exactly one of logGroupName and logGroupIdentifier must be given.")
    group = plane.logs.group(name_in(plane, given[0]))
    if group is None:
        raise missing("log group")
    return group


def stream_of(group: LogGroup, name: str) -> LogStream:
    """The stream of that name."""
    stream = group.streams.get(name)
    if stream is None:
        raise missing("log stream")
    return stream


def name_in(plane: Plane, identifier: str) -> str:
    """The group's name in an identifier, which is a name or an ARN (with or without its last ``:*``)."""
    return identifier.removesuffix(":*").removeprefix(plane.names.log_group(""))


@operation(SERVICE, "CreateLogGroup", ignores=("kmsKeyId", "tags"))
def create_log_group(plane: Plane, request: Members) -> Members:
    """Make an empty group."""
    if request.get("logGroupClass", "STANDARD") != "STANDARD":
        raise refused(
            f"logGroupClass {request['logGroupClass']} is not supported. Use STANDARD, or leave it out."
        )
    if request.get("deletionProtectionEnabled"):
        raise refused("deletionProtectionEnabled is not supported. Leave it out.")
    if not plane.logs.create_group(request["logGroupName"]):
        raise ServiceError("ResourceAlreadyExistsException", "The specified log group already exists")
    return {}


@operation(SERVICE, "DeleteLogGroup")
def delete_log_group(plane: Plane, request: Members) -> Members:
    """Remove a group with all its streams."""
    if not plane.logs.delete_group(request["logGroupName"]):
        raise missing("log group")
    return {}


@operation(SERVICE, "CreateLogStream")
def create_log_stream(plane: Plane, request: Members) -> Members:
    """Make an empty stream."""
    group = group_of(plane, {"logGroupName": request["logGroupName"]})
    if not plane.logs.create_stream(group.name, request["logStreamName"]):
        raise ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists")
    return {}


@operation(SERVICE, "DeleteLogStream")
def delete_log_stream(plane: Plane, request: Members) -> Members:
    """Remove a stream."""
    group = group_of(plane, {"logGroupName": request["logGroupName"]})
    if not plane.logs.delete_stream(group.name, request["logStreamName"]):
        raise missing("log stream")
    return {}


@operation(SERVICE, "DescribeLogGroups", ignores=("accountIdentifiers", "includeLinkedAccounts"))
def describe_log_groups(plane: Plane, request: Members) -> Members:
    """Groups by name."""
    prefix, pattern = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
    identifiers = request.get("logGroupIdentifiers")
    if sum(map(bool, (prefix, pattern, identifiers))) > 1:
        raise refused(
            "LogGroup name prefix, LogGroup name pattern and LogGroup identifiers are mutually exclusive parameters."
        )
    names = {name_in(plane, identifier) for identifier in identifiers or ()}
    groups = [
        group
        for group in plane.logs.groups()
        if group.name.startswith(prefix)
        and pattern in group.name
        and (not names or group.name in names)
        and request.get("logGroupClass", "STANDARD") == "STANDARD"
    ]
    shown, token = _page([((group.name,), group) for group in groups], request, "groups")
    return present({"logGroups": [_group(plane, group) for group in shown], "nextToken": token})


@operation(SERVICE, "DescribeLogStreams")
def describe_log_streams(plane: Plane, request: Members) -> Members:
    """Streams of a group by name, or by the time of their newest event."""
    group = group_of(plane, request)
    prefix = request.get("logStreamNamePrefix", "")
    by_time = request.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise refused("Cannot order by LastEventTime with a logStreamNamePrefix.")
    streams = [stream for stream in plane.logs.streams(group.name) if stream.name.startswith(prefix)]
    keyed = [((stream.last.high if by_time else 0, stream.name), stream) for stream in streams]
    shown, token = _page(keyed, request, "streams", descending=request.get("descending", False))
    return present({"logStreams": [_stream(plane, group, stream) for stream in shown], "nextToken": token})


@operation(SERVICE, "PutLogEvents", ignores=("sequenceToken", "entity"))
def put_log_events(plane: Plane, request: Members) -> Members:
    """Add a user's events to a stream, those too far from now left out."""
    group = group_of(plane, {"logGroupName": request["logGroupName"]})
    stream = stream_of(group, request["logStreamName"])
    events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
    _check_batch(events)
    now = plane.now()
    old = sum(time < now - TOO_OLD for time, _ in events)
    new = sum(time > now + TOO_NEW for time, _ in events)
    if taken := events[old : len(events) - new]:
        try:
            plane.logs.put(group.name, stream.name, taken)
        except OSError as error:
            raise ServiceError(
                "ServiceUnavailableException", f"The events cannot be written: {error.strerror}."
            ) from None
    left_out = present(
        {
            "tooOldLogEventEndIndex": old or None,
            "tooNewLogEventStartIndex": len(events) - new if new else None,
        }
    )
    return present({"nextSequenceToken": SEQUENCE_TOKEN, "rejectedLogEventsInfo": left_out or None})


def size_of(message: str) -> int:
    """What an event counts against limits, in bytes."""
    return len(message.encode(errors="replace")) + EVENT_OVERHEAD


def _check_batch(events: Sequence[tuple[int, str]]) -> None:
    sizes = [size_of(message) for _, message in events]
    if (largest := max(sizes)) > MAX_MESSAGE + EVENT_OVERHEAD:
        raise refused(f"Log event too large: {largest} bytes exceeds limit of {MAX_MESSAGE + EVENT_OVERHEAD}")
    if sum(sizes) > MAX_BATCH:
        raise refused(f"Upload too large: {sum(sizes)} bytes exceeds limit of {MAX_BATCH}")
    times = [time for time, _ in events]
    if times != sorted(times):
        raise refused("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > LONGEST_BATCH:
        raise refused(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )


def _page(
    keyed: Iterable[tuple[tuple[Any, ...], Any]], request: Members, kind: str, *, descending: bool = False
) -> tuple[list[Any], str | None]:
    """Items after the token's key. Their list ends without a token: clients go on asking while there is one."""
    scope = [kind, {name: value for name, value in request.items() if name not in ("limit", "nextToken")}]
    items = sorted(keyed, key=lambda item: item[0], reverse=descending)
    if token := request.get("nextToken"):
        after = tuple(unseal(token, scope, refused("The specified nextToken is invalid.")))
        items = [item for item in items if (item[0] < after if descending else item[0] > after)]
    size = request.get("limit", MOST)
    shown = items[:size]
    return [item for _, item in shown], seal(list(shown[-1][0]), scope) if len(items) > size else None


def _group(plane: Plane, group: LogGroup) -> Members:
    arn = plane.names.log_group(group.name)
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        "storedBytes": sum(stream.files.size for stream in plane.logs.streams(group.name)),
    }


def _stream(plane: Plane, group: LogGroup, stream: LogStream) -> Members:
    last = stream.last
    return present(
        {
            "logStreamName": stream.name,
            "creationTime": stream.created,
            "firstEventTimestamp": stream.first_time,
            "lastEventTimestamp": last.high or None,
            "lastIngestionTime": last.ingested or None,
            "uploadSequenceToken": SEQUENCE_TOKEN,
            "arn": f"{plane.names.log_group(group.name)}:log-stream:{stream.name}",
            "storedBytes": 0,
        }
    )
