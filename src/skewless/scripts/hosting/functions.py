"""A script's functions, called in the order that the containers call them in."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final

from skewless.errors import SettingError
from skewless.scripts.hosting.defaults import defaults_of
from skewless.scripts.hosting.failures import Failed, told
from skewless.scripts.hosting.python_defaults import writes
from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.hosting.wire import Ask, Told
from skewless.scripts.toolkit.arrays import text_of
from skewless.scripts.toolkit.content_types import ANY, JSON, JSON_LINES, UTF8_TYPES
from skewless.scripts.toolkit.functions import NO_MODEL_FN
from skewless.scripts.toolkit.response import plain_type, with_charset

_HEADER: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
"""What can stand in a header."""


class Functions:
    """The functions of one script with its model, which is loaded once.

    SettingError or NotImplementedError where one is missing; what model_fn raises comes as `Failed`.
    """

    def __init__(self, script: ModuleType, hosting: Hosting) -> None:
        self.hosting = hosting
        self._script = script
        self._defaults = defaults_of(hosting.kind, hosting.strict)
        self._transform: Callable[..., Any] | None = getattr(script, "transform_fn", None)
        predict = getattr(script, "predict_fn", None)
        if hosting.kind == "python" and not (predict or self._transform):
            raise SettingError(
                f"{hosting.name} has neither predict_fn nor transform_fn",
                hint="Write predict_fn(data), or predict_fn(data, model) with a model_fn.",
            )
        self._takes_model = hosting.kind != "python" or not predict or _positional(predict) > 1
        self._model = self._load()

    @property
    def has_parameters(self) -> bool:
        """Whether the script says how batches should call it."""
        return hasattr(self._script, "execution_parameters_fn")

    def answer(self, ask: Ask) -> Told:
        """One request through the functions. What fails is an answer too."""
        kind, accept = ask.content_type or JSON, self._accept(ask)
        try:
            body = self._body(ask.body, kind)
            if self._transform is not None:
                result = self._call("transform_fn", self._model, body, kind, accept)
                return self._told("transform_fn", result, accept)
            data = self._call("input_fn", body, kind)
            given = (data, self._model) if self._takes_model else (data,)
            prediction = self._call("predict_fn", *given)
            return self._told("output_fn", self._call("output_fn", prediction, accept), accept)
        except Failed as failed:
            return told(failed, self.hosting)

    def parameters(self) -> Told:
        """What execution_parameters_fn gives."""
        name = "execution_parameters_fn"
        try:
            return self._told(name, self._call(name), JSON)
        except Failed as failed:
            return told(failed, self.hosting)

    def _load(self) -> Any:
        if not hasattr(self._script, "model_fn"):
            if self.hosting.kind == "python":
                return None
            raise NotImplementedError(NO_MODEL_FN)
        return self._call("model_fn", str(self.hosting.model_dir))

    def _call(self, name: str, *given: Any) -> Any:
        own = getattr(self._script, name, None)
        try:
            return (own or getattr(self._defaults, name))(*given)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit among them: a request does not end the server
            raise Failed(name, own is not None, error) from error

    def _body(self, body: bytes, content_type: str) -> Any:
        """Text or bytes, by the type's exact name; an own Python container gets text of every type of text."""
        plain = plain_type(content_type)
        is_text = content_type in UTF8_TYPES or (
            self.hosting.kind == "python" and (plain in (JSON, JSON_LINES) or plain.startswith("text/"))
        )
        if not is_text:
            return body
        if self.hosting.strict:
            return body.decode(errors="replace")
        try:
            return text_of(body)
        except ValueError as error:
            raise Failed("input_fn", False, error) from None

    def _accept(self, ask: Ask) -> str:
        if ask.accept and ask.accept != ANY:
            return ask.accept
        if self.hosting.kind == "python" and not self.hosting.accept and writes(ask.content_type):
            return ask.content_type  # the same as came in, so that CSV stays CSV from container to container
        return self.hosting.accept or JSON

    def _told(self, name: str, result: Any, accept: str) -> Told:
        try:
            return self._answer(name, result, accept)
        except Exception as error:  # what a response of the script's own raises among them
            raise Failed(name, True, error) from error

    def _answer(self, name: str, result: Any, accept: str) -> Told:
        """The answer that a function's result stands for. TypeError or ValueError where it stands for none."""
        if hasattr(result, "get_data") and hasattr(result, "status_code"):
            status = _status(name, result.status_code)
            return Told(status, bytes(result.get_data()), _header(name, result.content_type))
        body, kind = result, accept
        as_text = self.hosting.kind == "sklearn"
        if isinstance(result, tuple):
            if len(result) != 2 or not isinstance(result[1], str):
                raise TypeError(f"{name} returned a tuple that is not (body, content type)")
            body, kind = result
        elif isinstance(result, str) and as_text and self.hosting.strict:
            kind = "text/html"  # what Flask makes of a text without more
        if isinstance(body, Mapping | list):
            body, kind = json.dumps(body), JSON
        if not isinstance(body, str | bytes | bytearray | memoryview):
            raise TypeError(f"{name} returned a {type(body).__name__}: a body is text or bytes")
        data = body.encode() if isinstance(body, str) else bytes(body)
        return Told(HTTPStatus.OK, data, _header(name, with_charset(kind) if as_text else kind))


def _status(name: str, status: Any) -> int:
    if not isinstance(status, int) or not HTTPStatus.OK <= status <= 599:
        raise ValueError(f"{name} answered with {status!r}, which is no status")
    return int(status)


def _header(name: str, content_type: Any) -> str:
    if not isinstance(content_type, str) or not _HEADER.fullmatch(content_type):
        raise ValueError(f"{name} gave {content_type!r} as the content type, which cannot stand in a header")
    return content_type


def _positional(function: Callable[..., Any]) -> int:
    """How many arguments it takes by position; many where that cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return 2
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
