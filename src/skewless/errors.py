"""Every error Skewless raises on purpose. They carry facts; fronts (HTTP, CLI, AWS) translate them.

An error's text is one sentence that says what was wrong, where, and what to do. The facts are also attributes,
so that a front can lay them out in its own way. There are no HTTP statuses here.
"""

from __future__ import annotations

from typing import Any


class SkewlessError(Exception):
    """Base of all errors raised on purpose; ``hint`` says what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def place(self) -> str:
        """Where it happened, outermost first, or an empty string."""
        return ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        if not self.hint:
            return text
        # Other programs' messages may end in a question.
        return f"{text} {self.hint}" if text.endswith("?") else f"{text.rstrip('.')}. {self.hint}"


class SettingError(SkewlessError):
    """A setting, an option or a configuration file is wrong."""


class ArtifactError(SkewlessError):
    """A file or archive cannot be trusted or understood.

    ``file`` is the path inside the artifact, ``stage`` the stage it belongs to.
    """

    def __init__(
        self,
        message: str,
        *,
        artifact: str | None = None,
        file: str | None = None,
        stage: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.artifact = artifact
        self.file = file
        self.stage = stage

    @property
    def place(self) -> str:
        stage = f"stage {self.stage}" if self.stage else None
        return ", ".join(part for part in (self.artifact, self.file, stage) if part)


class TrustError(ArtifactError):
    """An artifact carries code of which the user has not said that it may run; ``digest`` is its SHA-256."""

    def __init__(
        self,
        message: str,
        *,
        digest: str,
        file: str | None = None,
        stage: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, file=file, stage=stage, hint=hint)
        self.digest = digest


class UnsupportedError(SkewlessError):
    """A known gap: something real that this version does not do, named."""


class ParityError(SkewlessError):
    """Serving does not do what training did. All facts are filled in by whoever replays.

    ``row`` counts from 1; ``expected`` is what the fitting engine computed, ``actual`` what we compute.
    """

    def __init__(
        self,
        message: str,
        *,
        container: str | None = None,
        stage: str | None = None,
        column: str | None = None,
        row: int | None = None,
        expected: Any = None,
        actual: Any = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.container = container
        self.stage = stage
        self.column = column
        self.row = row
        self.expected = expected
        self.actual = actual

    @property
    def place(self) -> str:
        return _place(self.container, self.stage, self.column, self.row)


class RequestError(SkewlessError):
    """The caller's input cannot be served. ``container`` is filled in by the pipeline; ``row`` counts from 1.

    ``original`` is all that the original container says in this case, where that is not the message.
    """

    def __init__(
        self,
        message: str,
        *,
        container: str | None = None,
        stage: str | None = None,
        column: str | None = None,
        row: int | None = None,
        value: Any = None,
        hint: str | None = None,
        original: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.original = original
        self.container = container
        self.stage = stage
        self.column = column
        self.row = row
        self.value = value

    @property
    def place(self) -> str:
        return _place(self.container, self.stage, self.column, self.row)


class BodyError(RequestError):
    """The body cannot be read as what its content type says it is."""


class EmptyBody(BodyError):
    """The body holds no record at all."""


class MalformedBody(BodyError):
    """The body is not even of the form that its content type has, so that no container gets to see it."""


class ContainerRefused(RequestError):
    """A container that runs code of its own answered with an error, which is passed on as it is.

    ``status`` is its HTTP status, 0 where it gave none; ``body`` and ``content_type`` are what it answered. The message
    is for logs; ``hint`` is ours, and stands behind the body.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        body: bytes,
        content_type: str | None = None,
        container: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, container=container, hint=hint)
        self.status = status
        self.body = body
        self.content_type = content_type


class ValueRefused(RequestError):
    """One value of one row cannot be processed: unseen category, text that is no number, null …"""


class AllSkipped(ValueRefused):
    """The stages drop every row that there is (``handleInvalid="skip"``), and there is nothing to answer."""


class ContentTypeError(RequestError):
    """The content type of the body is not one this container reads."""


class AcceptError(RequestError):
    """The wanted content type of the answer is not one this container writes."""


class PayloadTooLarge(RequestError):
    """The body is larger than the limit."""


class AnswerTooLarge(RequestError):
    """What a container answered is larger than may be handed on; the text is SageMaker's, and names its place."""

    @property
    def place(self) -> str:
        return ""


class HyperparameterError(SkewlessError):
    """A hyperparameter is unknown, missing, malformed or out of range; the text is the built-in algorithm's."""


class TrainingDataError(SkewlessError):
    """Training data is missing or cannot be read; the text names file and line where it can."""


def _place(container: str | None, stage: str | None, column: str | None, row: int | None) -> str:
    parts = (
        container,
        f"stage {stage}" if stage else None,
        f"column {column!r}" if column else None,
        f"row {row}" if row is not None else None,
    )
    return ", ".join(part for part in parts if part)
