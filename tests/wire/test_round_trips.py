"""For every operation there is: what the client writes we read, and what we write the client reads."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSRequest, prepare_request_dict
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from skewless.aws.http import Answer
from skewless.aws.model import OperationShape, Service, service
from skewless.aws.protocols import dialect_of
from skewless.aws.protocols.base import Speaks
from skewless.aws.refusal import refusal_of
from skewless.control.operations import OPERATIONS
from tests.wire.captured import Sent, of_url, session
from tests.wire.made import Maker

EXAMPLES = 6
PROTOCOLS = {
    "iam": ("query",),
    "sts": ("query",),
    "cloudwatch": ("json", "query", "smithy-rpc-v2-cbor"),  # clients chose each at some time
}
CASES = [
    pytest.param(name, operation, protocol, id=f"{name}-{operation}-{protocol}")
    for name, operation in sorted(OPERATIONS)
    for protocol in PROTOCOLS.get(name, ("json",))
]


def models(name: str, operation: str) -> tuple[Any, OperationShape]:
    """The client's model of an operation, and ours."""
    return CLIENT_MODELS.setdefault(name, _model(name)).operation_model(operation), service(name).operation(
        operation
    )


CLIENT_MODELS: dict[str, Any] = {}


def _model(name: str) -> Any:
    return session()._session.get_service_model(name)


def sent(protocol: str, params: dict[str, Any], model: Any) -> Sent:
    """The request as the client's serialiser makes it."""
    request = create_serializer(protocol, False).serialize_to_request(params, model)
    prepare_request_dict(request, "http://127.0.0.1:4700")
    prepared = AWSRequest(
        request["method"], request["url"], request["headers"], request["body"], stream_output=False
    ).prepare()
    body = prepared.body or b""
    return of_url(
        prepared.method,
        prepared.url,
        tuple(prepared.headers.items()),
        body.encode() if isinstance(body, str) else body,
    )


def spoken(request: Sent) -> Speaks:
    control = dialect_of(request.head).control
    assert control is not None
    return control


def received(protocol: str, answer: Answer, shape: Any) -> dict[str, Any]:
    """The answer as the client's parser reads it."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    response = {"headers": headers, "body": answer.body, "status_code": answer.status, "context": {}}
    found: dict[str, Any] = create_parser(protocol).parse(response, shape)
    return found


@pytest.mark.parametrize(("name", "operation", "protocol"), CASES)
def test_requests(name: str, operation: str, protocol: str) -> None:
    model, ours = models(name, operation)
    maker = Maker(f"{name} {operation} asks", empty=protocol != "query")
    for _ in range(EXAMPLES):
        params = maker.value(model.input_shape) if model.input_shape else {}
        request = sent(protocol, params, model)
        control = spoken(request)
        assert control.operation_of(request.head, request.body, ours.service) == operation
        assert control.read(request.head, request.body, ours) == params


@pytest.mark.parametrize(("name", "operation", "protocol"), CASES)
def test_answers(name: str, operation: str, protocol: str) -> None:
    model, ours = models(name, operation)
    maker = Maker(f"{name} {operation} answers")
    control = spoken(sent(protocol, {}, model))
    for _ in range(EXAMPLES):
        members = maker.value(model.output_shape) if model.output_shape else {}
        found = received(protocol, control.answer(members, ours, "an-id"), model.output_shape)
        found.pop("ResponseMetadata", None)
        assert found == members


def errors_of(about: Service) -> list[str]:
    return [*sorted({kind.code for kind in about.errors.values()}), "SomethingUnmodelled"]


@pytest.mark.parametrize(("name", "protocol"), sorted({(case.values[0], case.values[2]) for case in CASES}))
def test_errors(name: str, protocol: str) -> None:
    about = service(name)
    model = _model(name)
    operation = model.operation_model(next(operation for of, operation in sorted(OPERATIONS) if of == name))
    control = spoken(sent(protocol, {}, operation))
    for code in errors_of(about):
        answer = control.refuse(refusal_of(code, 'Could not find <"ü">&', about), about, "an-id")
        found = received(protocol, answer, operation.output_shape)
        assert found["Error"]["Code"] == (
            code if protocol == "query" or about.query_compatible else _shape(about, code)
        )
        assert found["Error"]["Message"] == 'Could not find <"ü">&'
        assert 400 <= answer.status < 600


def _shape(about: Service, code: str) -> str:
    return about.errors[code].shape if code in about.errors else code
