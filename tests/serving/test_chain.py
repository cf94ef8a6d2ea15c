"""Pipelines over HTTP: one container of several, limits, and what is told when one refuses what it is handed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.errors import SettingError
from skewless.serving.listening import bind
from tests.builders import SETTINGS, STRICT, Relay
from tests.containers import kitchen
from tests.serving.running import serving
from tests.serving.served import Ask, served

TARGET = "X_Amzn_SageMaker_Target_Container_Hostname"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def named(folder: Path) -> list[dict[str, Any]]:
    return [
        kitchen.vectors(folder) | {"container_hostname": "features"},
        kitchen.model(folder) | {"container_hostname": "model"},
    ]


def test_one_container_of_several(stack: ExitStack, tmp_path: Path) -> None:
    """Mode Direct: its content type and Accept are the caller's; its time is told by its name."""
    path = kitchen.document(tmp_path, named(tmp_path), inference_execution_config={"mode": "Direct"})
    ask = stack.enter_context(served(load_pipeline(path), SETTINGS))
    features = ask(b"1,2", accept="application/jsonlines", **{TARGET: "features"})
    assert (features.status, features.text) == (200, '{"features":[1.0,2.0]}')
    assert features.headers["server-timing"].startswith("features;dur=")
    model = ask(b"1,2", **{TARGET: "model"})
    assert (model.status, model.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert model.headers["server-timing"].startswith("model;dur=")
    wrong = ask(b"1,2,3", **{TARGET: "features"})
    assert (wrong.status, wrong.headers["x-skewless-container"]) == (400, "features")
    for target, text in [(None, "no target container is named"), ("other", "there is no container 'other'")]:
        answer = ask(b"1,2", **({TARGET: target} if target else {}))
        assert (answer.status, text in answer.text) == (400, True)
        assert "Name one in TargetContainerHostname: features, model." in answer.text
    assert 'container="model"' in ask(None, None, method="GET", path="/metrics").text
    series = stack.enter_context(served([Relay("a"), Relay("b")], SETTINGS))
    answer = series(b"1", **{TARGET: "a"})
    assert (answer.status, "the containers run in series" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"inference_execution_config": {"mode": "Other"}}, "Invalid enum value 'Other'"),
        ({"inference_execution_config": {}}, "missing required field `mode`"),
        (
            {"inference_execution_config": {"mode": "Direct"}},
            "needs a container_hostname for every container",
        ),
    ],
)
def test_modes_that_are_none(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    path = kitchen.document(tmp_path, [kitchen.vectors(tmp_path)], **change)
    with pytest.raises(SettingError, match=text):
        load_pipeline(path)


def test_direct_has_no_rows_for_the_whole(tmp_path: Path) -> None:
    for name in ("in.csv", "out.csv"):
        (tmp_path / name).write_text("1,2\n")
    path = kitchen.document(
        tmp_path,
        named(tmp_path),
        inference_execution_config={"mode": "Direct"},
        parity={"input": "in.csv", "output": "out.csv"},
    )
    with pytest.raises(SettingError, match="need its containers in series"):
        load_pipeline(path)


def test_limits_of_bodies(stack: ExitStack) -> None:
    """Strictly SageMaker's, in its words; by default there is none between containers, nor on the answer."""
    body = b"x" * (1 << 20) + b"y" * 5_000_000
    default, strict = replace(SETTINGS, max_payload_mb=8), replace(STRICT, max_payload_mb=8)
    free = stack.enter_context(served([Relay("a"), Relay("b")], default))
    assert free(body).body == body
    between = stack.enter_context(served([Relay("a"), Relay("b")], strict))(body)
    assert (between.status, between.headers["x-skewless-whole-message"]) == (413, "1")
    assert between.text == (
        f"Received response from a with status code 200. However, the request payload from a to b is {len(body)} "
        "bytes, which has exceeded the maximum limit of 5 MB."
    )
    wide = stack.enter_context(served([Wide("a")], replace(STRICT, max_payload_mb=1)))(b"x" * 600_000)
    assert wide.status == 413
    assert wide.text == (
        "Received response from a with status code 200. However, the response payload from the container is 1200000 "
        "bytes, which has exceeded the maximum limit of 1 MB."
    )


class Wide(Relay):
    """Answers twice what it gets."""

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Any:
        answer = super().invoke(body, content_type, accept)
        return answer._replace(body=answer.body * 2)


def ask_scripts(stack: ExitStack, folder: Path, strict: bool) -> tuple[Ask, list[str]]:
    """A script that answers CSV with a charset, before one that takes content types to the letter."""
    first, second = (kitchen.script(folder, kitchen.SCRIPT, **more) for more in (kitchen.CSV_OUT, {}))
    settings, told = STRICT if strict else SETTINGS, list[str]()
    pipeline: Pipeline = load_pipeline(kitchen.document(folder, [first, second]), settings=settings)
    return stack.enter_context(served(pipeline, settings, lambda _, line: told.append(line))), told


@pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
def test_what_a_script_refuses_is_passed_on(stack: ExitStack, tmp_path: Path, strict: bool) -> None:
    """Its own body, and behind it, but strictly in the log alone, what mends it."""
    ask, told = ask_scripts(stack, tmp_path, strict)
    answer = ask(b"1,2")
    assert (answer.status, answer.headers["x-skewless-container"]) == (415, "container-2")
    helped = "container-1 (sklearn) answered with content type 'text/csv; charset=utf-8'"
    assert "text/csv; charset=utf-8" in answer.text
    assert (helped in answer.text) is not strict
    assert [helped in line for line in told] == [True]
    assert (answer.headers["content-type"] == "application/json") is strict


def test_the_port_of_the_environment(pipeline: Path, tmp_path: Path) -> None:
    """As the original: SAGEMAKER_BIND_TO_PORT, where no --port is given."""
    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    environment = {"SAGEMAKER_BIND_TO_PORT": str(port)}
    with serving(pipeline, tmp_path, environment=environment, port=None) as server:
        assert (server.port, server.get("/ping").status) == (port, 200)
