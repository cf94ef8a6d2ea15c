"""Refusals of operations. The code is the name that clients match on; statuses are the wire's business."""

from __future__ import annotations

from skewless.errors import SkewlessError


class ServiceError(SkewlessError):
    """A refusal with a code of the service, such as ``ValidationException`` or ``EntityNotFoundException``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> ServiceError:
    """SageMaker's ValidationException: most of its refusals are one."""
    return ServiceError("ValidationException", message)
