"""The exceptions of SageMaker's toolkits, which scripts raise and catch by name."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """The user's side of something is wrong."""


class DecodeError(ClientError, ValueError):
    """A body is not what its content type says; ours, so that it can be told from errors in a script."""


class UnsupportedFormatError(Exception):
    """A content type that nothing here reads or writes."""

    def __init__(self, content_type: object, **named: Any) -> None:
        self.message = (
            f"Content type {content_type} is not supported by this framework. "
            "Give the script an input_fn that reads it, or an output_fn that writes it."
        )
        super().__init__(self.message, **named)


class BaseInferenceToolkitError(Exception):
    """An answer that is an error, with the status that it shall have."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        self.status_code = status_code
        self.message = message
        self.phrase = phrase
        super().__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same, where the message may be left out."""

    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)


class ImportModuleError(ClientError):
    """A module cannot be imported."""


class InstallModuleError(ClientError):
    """A module cannot be installed."""


class ExecuteUserScriptError(ClientError):
    """A script failed."""


class ChannelDoesNotExistException(Exception):
    """There is no such channel."""

    def __init__(self, channel_name: str) -> None:
        super().__init__(f"Channel {channel_name} is not a valid channel")


class BaseToolkitError(Exception):
    """Base of the algorithm toolkit's errors."""

    def __init__(self, message: str | None = None, caused_by: BaseException | None = None) -> None:
        super().__init__(message or f"{type(self).__name__} (caused by {caused_by})")
        self.message = message
        self.caused_by = caused_by


class UserError(BaseToolkitError):
    """The user's data or settings are wrong."""


class AlgorithmError(BaseToolkitError):
    """The algorithm failed."""


class PlatformError(BaseToolkitError):
    """What the algorithm runs on failed."""
