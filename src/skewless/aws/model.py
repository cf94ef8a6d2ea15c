"""botocore's service models: what operations there are, and what their requests and answers look like.

The only module that imports botocore. Models are read when first asked for (SageMaker's takes about 0.07 s) and kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, BinaryIO, Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.model import Shape as ModelShape
from botocore.parsers import ResponseParserError, RpcV2CBORParser

from skewless.aws.patterns import compiled

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "sagemaker": ("sagemaker", "sagemaker-runtime"),
    "glue": ("glue",),
    "iam": ("iam",),
    "sts": ("sts",),
    "logs": ("logs",),
    "monitoring": ("cloudwatch",),
    "s3": ("s3",),
}
"""The services that a signature's scope can mean; SageMaker and its runtime sign with one name."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """A modelled error: the name of its shape, the code on the wire of the query protocol, and its HTTP status."""

    shape: str
    code: str
    status: int
    message_member: str


@dataclass(eq=False)
class Shape:
    """A type of a request or an answer, in the place where it is used."""

    kind: str
    """structure, list, map, string, character, integer, long, float, double, boolean, timestamp or blob."""
    name: str
    wire: str | None
    """The member's name on the wire where it is not its own."""
    location: str | None
    """Where a rest protocol has it: header, headers, uri, querystring, statusCode; None for the body."""
    payload: str | None
    """The member of this structure that is the body of a rest protocol."""
    flattened: bool
    time_format: str | None
    wrapper: str | None
    """The element that the query protocol puts around an answer."""
    document: bool
    sensitive: bool
    minimum: float | None
    maximum: float | None
    pattern: str | None
    enum: tuple[str, ...]
    required: tuple[str, ...]
    _model: ModelShape = field(repr=False)

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """A structure's members by name."""
        return {name: _shape(member) for name, member in self._model.members.items()}

    @cached_property
    def member(self) -> Shape:
        """What a list holds."""
        return _shape(self._model.member)

    @cached_property
    def key(self) -> Shape:
        """A map's keys."""
        return _shape(self._model.key)

    @cached_property
    def value(self) -> Shape:
        """A map's values."""
        return _shape(self._model.value)

    @cached_property
    def matcher(self) -> re.Pattern[str] | None:
        """The pattern, ready for ``fullmatch``."""
        return compiled(self.pattern) if self.pattern else None


@dataclass(eq=False)
class OperationShape:
    """What the wire knows of an operation."""

    service: Service
    name: str
    input: Shape | None
    output: Shape | None
    method: str
    uri: str
    """A rest protocol's template, such as ``/endpoints/{EndpointName}/invocations``."""


class Service:
    """One service's model."""

    def __init__(self, model: ServiceModel) -> None:
        self.name: str = model.service_name
        self._model = model
        self._operations: dict[str, OperationShape] = {}
        metadata: Mapping[str, Any] = model.metadata
        self.full_name: str = metadata["serviceFullName"]
        self.target_prefix: str | None = metadata.get("targetPrefix")
        self.json_version: str = metadata.get("jsonVersion", "1.1")
        self.version: str = metadata["apiVersion"]
        self.namespace: str | None = metadata.get("xmlNamespace")
        self.query_compatible: bool = "awsQueryCompatible" in metadata
        """Whether its newer protocols tell the query protocol's error codes in a header of their own."""

    @cached_property
    def operation_names(self) -> frozenset[str]:
        """All operations that the model has, whether Skewless has them or not."""
        return frozenset(self._model.operation_names)

    def operation(self, name: str) -> OperationShape:
        """One operation; ``name`` must be in ``operation_names``."""
        if name not in self._operations:
            model: OperationModel = self._model.operation_model(name)
            self._operations[name] = OperationShape(
                service=self,
                name=name,
                input=_shape(model.input_shape) if model.input_shape is not None else None,
                output=_shape(model.output_shape) if model.output_shape is not None else None,
                method=model.http.get("method", "POST"),
                uri=model.http.get("requestUri", "/"),
            )
        return self._operations[name]

    @cached_property
    def errors(self) -> Mapping[str, ErrorKind]:
        """Modelled errors, by the code of the query protocol and by the shape's name."""
        found: dict[str, ErrorKind] = {}
        for shape in self._model.error_shapes:
            about: Mapping[str, Any] = shape.metadata.get("error", {})
            status = about.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400)
            message = next((name for name in shape.members if name.lower() == "message"), "message")
            kind = ErrorKind(shape.name, about.get("code", shape.name), status, message)
            found[kind.shape] = kind
            found.setdefault(kind.code, kind)
        return found


@cache
def service(name: str) -> Service:
    """A service by botocore's name, such as ``sagemaker-runtime``."""
    return Service(ServiceModel(Loader().load_service_model(name, "service-2"), service_name=name))


def read_cbor(body: bytes) -> Any:
    """CBOR as plain values, times as aware datetimes. ValueError for anything else."""
    parser = RpcV2CBORParser()
    try:
        stream = parser.get_peekable_stream_from_bytes(body)
        value = parser.parse_data_item(stream)
    except (
        ResponseParserError,
        ArithmeticError,
        RecursionError,
        MemoryError,
        TypeError,
        RuntimeError,
    ) as error:
        raise ValueError(str(error) or type(error).__name__) from None
    if stream.read(1):
        raise ValueError("something follows the value")
    return value


def signed_for_s3(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: BinaryIO | None,
    region: str,
    access_key: str,
    secret_key: str,
) -> dict[str, str]:
    """The headers of a request to another S3, with its signature. The body is read to its end for its sum."""
    request = AWSRequest(method, url, headers=dict(headers), data=body or b"")
    S3SigV4Auth(Credentials(access_key, secret_key), "s3", region).add_auth(request)
    return dict(request.headers.items())


def _shape(model: ModelShape) -> Shape:
    on_wire: Mapping[str, Any] = model.serialization
    about: Mapping[str, Any] = model.metadata
    return Shape(
        kind=model.type_name,
        name=model.name,
        wire=on_wire.get("name"),
        location=on_wire.get("location"),
        payload=on_wire.get("payload"),
        flattened=bool(on_wire.get("flattened")),
        time_format=on_wire.get("timestampFormat"),
        wrapper=on_wire.get("resultWrapper"),
        document=bool(about.get("document")),
        sensitive=bool(about.get("sensitive")),
        minimum=about.get("min"),
        maximum=about.get("max"),
        pattern=about.get("pattern"),
        enum=tuple(about.get("enum", ())),
        required=tuple(about.get("required", ())),
        _model=model,
    )
