"""One row through a chain as one compiled function: the answers of the other ways, no row given up in vain, cheap."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Course, Pipeline
from skewless.errors import ParityError, RequestError, SkewlessError
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.scale import StandardScaler
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, STRING, Base, Field, Type, vector
from tests import pipelines
from tests.builders import STRICT, basic, graph, outcome, schema, sparkml, stage, xgboost
from tests.transforms.test_compiled import calls_of

MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with load_pipeline(pipelines.build(tmp_path_factory.mktemp("cars")), verify=False) as pipeline:
        yield pipeline


def by_steps(pipeline: Pipeline, body: bytes, accept: str | None = None) -> Any:
    """The containers one after the other, as the compiled way must answer."""
    return outcome(lambda: pipeline._by_steps(body, "text/csv", accept, Course()))


def compare(pipeline: Pipeline, body: bytes, accept: str | None = None) -> bool:
    """The compiled way and the other one; gives whether it was not given up."""
    before = pipeline.gave_up
    assert outcome(lambda: pipeline.invoke(body, "text/csv", accept)) == by_steps(pipeline, body, accept)
    return pipeline.gave_up == before


def test_every_car_goes_the_compiled_way(cars: Pipeline) -> None:
    for car in pipelines.cars()[:150]:
        line = ",".join(car).encode()
        assert compare(cars, line) == (b'"' not in line and car[0] != pipelines.ODD[1])
        assert compare(cars, line + b"\n", "*/*") == compare(cars, line + b"\r\n", "text/csv")


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"\r\n", b" ", b"\t\n", b",", b",,,,,", b",,,,,,", b"\xff,low,2,2,big,low"),
        *(b"low,low,2,2,big", b"low,low,2,2,big,low,", b"low,low,2,2,big,unseen", b" low,low,2,2,big,low"),
        *(
            b'"low",low,2,2,big,low',
            b'"low,low,2,2,big,low',
            b"low,low,2,2,big,low\r",
            b"low,low,2,2,big,low\n\n",
        ),
        *(b"\xef\xbb\xbflow,low,2,2,big,low", "größer ✓,low,2,2,big,low".encode(), b"low,low,2,2,big,l\x00w"),
        *(b"low,low,2,2,big,low\nlow,low,2,2,big,low", b"low,low\r,2,2,big,low", b"low,low,2,2,big,low\x0b"),
    ],
)
@pytest.mark.parametrize("accept", [None, "application/jsonlines", "application/json", "text/csv; q=1"])
def test_odd_lines_are_answered_and_refused_alike(cars: Pipeline, line: bytes, accept: str | None) -> None:
    compare(cars, line, accept)


NUMERIC = [DOUBLE, FLOAT, INT, LONG, Type(Base.SHORT), Type(Base.BYTE), BOOLEAN]
TEXTS = st.one_of(
    st.text("0123456789+-.eE", max_size=8),
    st.text("0123456789+-.eEfdxXpPaNInity_ \t\u0663\u00a0\ufeff\x1f", max_size=8),
    st.floats().map(repr),
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from(
        ["", "true", "TRUE", "1e39", "1e400", "3.4028235677973366e38", "1.1754943508222875e-38", "0" * 400]
    ),
)


@MANY
@given(st.lists(st.tuples(st.sampled_from(NUMERIC), TEXTS), min_size=1, max_size=3), st.booleans())
def test_numbers_are_read_as_java_reads_them(cells: list[tuple[Type, str]], modelled: bool) -> None:
    fields = [Field(f"c{place}", type_) for place, (type_, _) in enumerate(cells)]
    stages = [stage("v", VectorAssembler((None,) * len(cells)), [field.name for field in fields], ["v"])]
    chain: list[Any] = [sparkml(graph(*stages), schema(fields, Field("v", vector())))]
    if modelled:
        chain.append(xgboost("reg:squarederror", len(cells), name="model"))
    compare(Pipeline(chain), ",".join(text for _, text in cells).encode())


@MANY
@given(
    st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(",,,\t;| "), st.sampled_from(["", " ", "\r\n"])
)
def test_features_are_read_as_python_reads_them(texts: list[str], delimiter: str, end: str) -> None:
    model = xgboost("multi:softprob", 3)
    compare(Pipeline([model]), (delimiter.join(texts) + end).encode())


def test_features_that_are_missing_are_no_reason_to_give_up() -> None:
    pipeline = Pipeline([xgboost("binary:logistic", 3)])
    for line in (b"1,,2.5", b",,", b"nan,1e-3,-0.0", b" 1 ,2,3\n"):
        assert compare(pipeline, line)
    for line in (b"inf,1,2", b"1e39,1,2", b"1,2", b"1_0,2,3", "٣,2,3".encode(), b"x,2,3"):
        assert not compare(pipeline, line)


def test_columns_that_nothing_needs_are_checked_still() -> None:
    """A number that is none is refused wherever it stands, and so is text that is no UTF-8."""
    told = schema(basic(a=DOUBLE, b=STRING, c=INT), Field("a", DOUBLE))
    pipeline = Pipeline([sparkml(graph(), told)])
    assert compare(pipeline, b"1.5,x,2")
    for line in (b"1.5,x,no", b"1.5,x,2147483648", b"1.5,\xff,2", b"1.5,x"):
        assert not compare(pipeline, line)
    assert (
        "column 'c'" in str(by_steps(pipeline, b"1.5,x,no")) or by_steps(pipeline, b"1.5,x,no")[1][2] == "c"
    )


def test_a_vector_is_answered_in_parts() -> None:
    labels = ("a", "b", "c")
    hot = OneHotEncoder((3,), drop_last=False)
    stages = [
        stage("i", StringIndexer(labels, "keep"), ["t"], ["i"]),
        stage("hot", OneHotEncoder((3,), handle_invalid="keep"), ["i"], ["h"]),
        stage("all", VectorAssembler((None, hot.width(3), None)), ["x", "h", "i"], ["all"]),
        stage("scaled", StandardScaler((0.5,) * 5, (2.0, 0.0, 1.0, 4.0, 8.0)), ["all"], ["v"]),
    ]
    told = schema(basic(t=STRING, x=DOUBLE), Field("v", vector()))
    pipeline = Pipeline([sparkml(graph(*stages), told)])
    for line in (b"a,1e7", b"b,-0.0", b"unseen,5e-324", b",1e-5", b"c,1e300"):
        assert compare(pipeline, line)
        compare(pipeline, line, "application/jsonlines")
        compare(pipeline, line, "application/jsonlines;data=text")


def test_strict_containers_are_asked_as_they_are() -> None:
    told = schema(basic(x=DOUBLE), Field("x", DOUBLE))
    pipeline = Pipeline([sparkml(graph(), told, settings=STRICT)])
    for line in (b"1.5", b"1.5,2", b"", b"x", b'"1.5"'):
        compare(pipeline, line)


def test_the_course_of_a_compiled_row(cars: Pipeline) -> None:
    """A time for each container, and what the first one was given as text; also where it is given up."""
    for line in (pipelines.CAR, b"unseen,low,2,2,big,low", pipelines.CAR + b"\n" + pipelines.CAR):
        course = Course()
        outcome(lambda line=line, course=course: cars.invoke(line, "text/csv", None, course))
        assert course.given == {cars.names[0]: len(line)}
        assert course.marks == sorted(course.marks)
        assert len(course.marks) in ((1, 2) if line.startswith(b"unseen") else (4,))
        assert [name for name, *_ in course.spent] == list(cars.names)[: len(course.marks) - 1]


def test_headers_do_not_fill_the_memory(cars: Pipeline) -> None:
    """Each pair of content type and accept is compiled once, and only so many are."""
    for number in range(50):
        answer = cars.invoke(pipelines.CAR, f"text/csv; header={number}", "text/csv")
        assert answer.body == pipelines.CAR_LABEL
    assert len(cars._programs) <= 16


def test_a_closed_model_does_not_answer() -> None:
    pipeline = Pipeline([xgboost("binary:logistic", 2)])
    assert pipeline.invoke(b"1,2").body
    pipeline.close()
    with pytest.raises(SkewlessError, match="closed"):
        pipeline.invoke(b"1,2")


def test_one_container_of_several_is_compiled_by_itself(cars: Pipeline) -> None:
    direct = Pipeline(cars.containers, direct=True)
    assert direct.row_source() is None
    with pytest.raises(RequestError, match="no target container is named"):
        direct.invoke(pipelines.CAR)
    assert (
        direct.aimed_at(cars.names[2]).invoke(b"0.0").body
        == cars.containers[2].invoke(b"0.0", "text/csv", None).body
    )


def test_a_wrong_table_does_not_pass_verification(tmp_path: Path) -> None:
    """The recorded answers are compared with what is compiled, too."""
    with load_pipeline(pipelines.build(tmp_path)) as pipeline:
        assert pipeline.verify()["pipeline"] == 50
        (program,) = (one for key, one in pipeline._programs.items() if key[1] is None)
        assert program is not None
        tables = [value for value in program.__globals__.values() if isinstance(value, dict) and 0.0 in value]
        for answers in tables:
            for key, answer in answers.items():
                if hasattr(answer, "body"):
                    answers[key] = answer._replace(body=b"wrong")
        with pytest.raises(ParityError, match="run row by row, the pipeline gives 'wrong'"):
            pipeline.verify()


def test_the_source_can_be_read(cars: Pipeline) -> None:
    source = cars.row_source()
    assert source is not None
    compile(source, "shown", "exec")
    assert "low" not in source
    assert Pipeline(cars.containers, fused=False).row_source() is None


def blocks_of(function: Callable[[], Any]) -> int:
    """How many blocks of memory are taken and not given back by calling a function many times."""
    for _ in range(50):
        function()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(200):
        function()
    return sys.getallocatedblocks() - before


def test_a_car_costs_a_few_calls_and_no_memory(cars: Pipeline) -> None:
    """What a row costs is bounded by counts, which are the same on every machine: some 200 calls without compiling."""
    cars.invoke(pipelines.CAR)
    assert calls_of(lambda: cars.invoke(pipelines.CAR)) <= 14
    assert calls_of(lambda: cars._by_steps(pipelines.CAR, "text/csv", None, Course())) > 100
    assert blocks_of(lambda: cars.invoke(pipelines.CAR)) < 20


@pytest.mark.parametrize("count", [1, 13])
def test_a_container_of_data_alone_adds_a_few_lines(cars: Pipeline, count: int) -> None:
    passing = [
        sparkml(graph(), schema(basic(x=DOUBLE), Field("x", DOUBLE)), name=f"pass {place}")
        for place in range(count)
    ]
    first, model, last = cars.containers
    longer = Pipeline([first, model, *passing[: 15 - 3], last])
    shorter, source = cars.row_source(), longer.row_source()
    assert shorter is not None
    assert source is not None
    assert len(source.splitlines()) - len(shorter.splitlines()) <= 4 * count
    assert compare(longer, pipelines.CAR)
    assert calls_of(lambda: longer.invoke(pipelines.CAR)) == calls_of(lambda: cars.invoke(pipelines.CAR))
