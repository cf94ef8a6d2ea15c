"""Which containers work behind which out of the box, what is said where they do not, and what mends it: all real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import MOST_BETWEEN, Pipeline
from skewless.errors import AnswerTooLarge, ContainerRefused, RequestError, SettingError, ValueRefused
from skewless.schema import DOUBLE, Field
from skewless.settings import Settings
from tests.builders import ACCEPT, SETTINGS, STRICT, Relay, basic, graph, schema, sparkml, xgboost
from tests.containers import kitchen
from tests.containers.kitchen import CLASSIFIER, CSV_OUT, RETURNS_CSV, SCRIPT, TAKES_ANY_CSV, TEXT

Make = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Pipelines of containers that take the folder to write their model to."""
    with ExitStack() as stack:

        def made(*containers: Any, settings: Settings = SETTINGS, **more: Any) -> Pipeline:
            specs = [one(tmp_path) if callable(one) else one for one in containers]
            path = kitchen.document(tmp_path, specs, **more)
            return stack.enter_context(load_pipeline(path, settings=settings))

        yield made


def sk(text: str = SCRIPT, **environment: str) -> Callable[[Path], kitchen.Spec]:
    return lambda folder: kitchen.script(folder, text, **environment)


def python(text: str, **environment: str) -> Callable[[Path], kitchen.Spec]:
    return lambda folder: kitchen.script(folder, text, "python", **environment)


def xgb(**environment: str) -> Callable[[Path], kitchen.Spec]:
    return lambda folder: kitchen.model(folder, **environment)


def pair(**environment: str) -> Callable[[Path], kitchen.Spec]:
    return lambda folder: kitchen.vectors(folder, **environment)


BODY = b"0.5,1.0\n-1.0,2.0\n"


def refusal(pipeline: Pipeline, body: bytes = BODY, kind: str = "text/csv") -> RequestError:
    with pytest.raises(RequestError) as refused:
        pipeline.invoke(body, kind)
    return refused.value


def test_sparkml_before_xgboost(make: Make) -> None:
    answer = make(pair(), xgb()).invoke(BODY)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.body == make(xgb()).invoke(BODY).body


@pytest.mark.parametrize("rows", [1, 2])
def test_sparkml_before_a_scripts_own_input(make: Make, rows: int) -> None:
    """One row too: by default it is one of two dimensions, which the original's are not."""
    body = b"\n".join(BODY.split()[:rows])
    answer = make(pair(), sk()).invoke(body, accept="application/json")
    assert answer.body == [b"[[1.0, 2.0]]", b"[[1.0, 2.0], [-2.0, 4.0]]"][rows - 1]


def test_a_script_before_xgboost(make: Make) -> None:
    """It answers JSON unless it is told otherwise, which XGBoost refuses; the line that is told mends it."""
    error = refusal(make(sk(), xgb()))
    assert error.container == "container-2"
    assert error.message.startswith("application/json is not an accepted ContentType: csv, libsvm,")
    assert "container-1 (sklearn) answered with content type 'application/json'" in str(error)
    assert "container-2 (xgboost) reads text/csv" in str(error)
    line = f"container-1: {ACCEPT}=text/csv"
    assert str(error).endswith(line)
    doubled = b"1.0,2.0\n-2.0,4.0\n"
    mended = make(sk(**CSV_OUT), xgb())
    assert mended.invoke(BODY).body == make(xgb()).invoke(doubled).body


def test_a_script_before_a_script(make: Make) -> None:
    """The toolkit adds a charset to CSV, and the next script takes the content type to the letter."""
    error = refusal(make(sk(**CSV_OUT), sk()))
    assert isinstance(error, ContainerRefused)
    assert (error.container, error.status) == ("container-2", 415)
    assert "answered with content type 'text/csv; charset=utf-8'" in str(error)
    assert "In container-2's input_fn: content_type = content_type.partition(';')[0]" in str(error)
    quadrupled = b"[[2.0, 4.0], [-4.0, 8.0]]"
    mended = make(sk(**CSV_OUT), sk(SCRIPT + TAKES_ANY_CSV))
    assert mended.invoke(BODY, accept="application/json").body == quadrupled
    returned = make(sk(SCRIPT + RETURNS_CSV), sk(SCRIPT + TAKES_ANY_CSV))
    assert returned.invoke(BODY, accept="application/json").body == quadrupled


def test_xgboost_before_a_script_and_before_sparkml(make: Make) -> None:
    error = refusal(make(xgb(), sk()))
    assert isinstance(error, ContainerRefused)
    assert error.status == 415
    assert "container-1 (xgboost) answered with content type 'text/csv; charset=utf-8'" in str(error)
    one = make(xgb(), kitchen.numbers)
    assert one.invoke(BODY).body.split() == make(xgb()).invoke(BODY).body.split()


def test_sparkml_before_a_text_classifier(make: Make) -> None:
    """The published shape: tokens as text, an object a line."""
    mended = make(pair(**{ACCEPT: TEXT}), python(CLASSIFIER))
    assert mended.invoke(BODY).body == b'[{"label": ["__label__short"]}, {"label": ["__label__short"]}]'


def test_json_lines_before_xgboost(make: Make) -> None:
    error = refusal(make(pair(**{ACCEPT: "application/jsonlines"}), xgb()))
    assert "container-1 (sparkml) answered with content type 'application/jsonlines'" in str(error)
    assert f"container-1: {ACCEPT}=text/csv" in str(error)


def test_named_containers_are_called_by_their_names(make: Make, tmp_path: Path) -> None:
    names = [{"container_hostname": name} for name in ("scale", "predict")]
    pipeline = make(sk()(tmp_path) | names[0], xgb()(tmp_path) | names[1])
    error = refusal(pipeline)
    assert error.container == "predict"
    assert f"scale: {ACCEPT}=text/csv" in str(error)


NOTHING = (
    "def input_fn(body, content_type):\n    return 0\n\ndef predict_fn(data, model):\n    return b''\n\n"
)
NOTHING += "def output_fn(prediction, accept):\n    return b'', 'text/csv'\n"


def test_an_empty_answer_in_the_middle(make: Make) -> None:
    """Nothing in, nothing out; but rows that went in are not lost without a word."""
    for after in (xgb(), pair()):
        error = refusal(make(python(NOTHING), after))
        assert isinstance(error, ValueRefused)
        assert "container-1 answered with an empty body, so there is nothing to process" in str(error)
        assert error.container == "container-2"
    last = make(pair(), python(NOTHING)).invoke(BODY)
    assert (last.body, last.content_type) == (b"", "text/csv")


def number(name: str, settings: Settings = SETTINGS) -> Any:
    return sparkml(graph(), schema(basic(x=DOUBLE), Field("x", DOUBLE)), name=name, settings=settings)


def test_the_content_type_is_handed_on_to_the_letter() -> None:
    """And no Accept but the last container's."""
    relays = [Relay("a", 'Text/CSV; header="absent"'), Relay("b"), Relay("c")]
    answer = Pipeline(relays).invoke(b"1", "application/x-any", "text/plain")
    assert answer.content_type == 'Text/CSV; header="absent"'
    assert [relay.kinds for relay in relays] == [
        ["application/x-any"],
        ['Text/CSV; header="absent"'],
        ['Text/CSV; header="absent"'],
    ]
    assert [relay.accepts for relay in relays] == [[None], [None], ["text/plain"]]


@pytest.mark.parametrize("count", [1, 15])
def test_one_container_and_fifteen(count: int) -> None:
    for settings in (SETTINGS, STRICT):
        chain = [number(f"container-{place}", settings) for place in range(1, count + 1)]
        assert Pipeline(chain, strict=settings.strict).invoke(b"1e7").body == b"1.0E7"
    with pytest.raises(SettingError, match="1 to 15 containers, not 16"):
        Pipeline([number(str(place)) for place in range(16)])


def test_the_limit_between_containers() -> None:
    """SageMaker's, to the byte, strictly; none by default."""
    for size, strict in [(MOST_BETWEEN, True), (MOST_BETWEEN + 1, False)]:
        body = b"x" * size
        assert Pipeline([Relay("a"), Relay("b")], strict=strict).invoke(body).body == body
        assert Pipeline([Relay("a")], strict=True).invoke(body).body == body
    with pytest.raises(AnswerTooLarge) as refused:
        Pipeline([Relay("a"), Relay("b"), Relay("c")], strict=True).invoke(b"x" * 6_000_000)
    assert refused.value.message == (
        "Received response from a with status code 200. However, the request payload from a to b is 6000000 bytes, "
        "which has exceeded the maximum limit of 5 MB."
    )
    assert refused.value.container == "a"


def test_one_container_of_several() -> None:
    """Mode Direct: each answers for itself, and only when it is named."""
    pipeline = Pipeline([number("one"), xgboost("reg:squarederror", 1, name="two")], direct=True)
    assert pipeline.aimed_at("one").invoke(b"1").body == b"1.0"
    assert pipeline.aimed_at("two").invoke(b"1").content_type == "text/csv; charset=utf-8"
    for target, text in [
        (None, "no target container is named"),
        ("", "no target container is named"),
        ("One", "there is no container 'One'"),
    ]:
        with pytest.raises(RequestError, match=text) as refused:
            pipeline.aimed_at(target)
        assert "Name one in TargetContainerHostname: one, two." in str(refused.value)
    with pytest.raises(RequestError, match="no target container is named"):
        pipeline.invoke(b"1")
    series = Pipeline([number("one"), number("two")])
    assert series.aimed_at(None) is series
    with pytest.raises(RequestError, match="the containers run in series"):
        series.aimed_at("one")
