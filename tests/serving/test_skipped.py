"""Rows that a stage drops, over HTTP: the others are answered, and the headers say which are not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skewless.bundles.bundle import save
from skewless.ops.labels import StringIndexer
from skewless.schema import STRING, Schema
from tests.builders import graph, stage
from tests.serving.running import Server, serving


@pytest.fixture(scope="module")
def skipping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("skipping")
    stages = graph(stage("index", StringIndexer(("a",), "skip"), ["x"], ["out"]))
    save(stages, folder / "model.tar.gz", engine="tests", inputs=Schema.of(x=STRING), rows=None)
    (folder / "pipeline.yaml").write_text(
        "containers:\n- image: sagemaker-sparkml-serving\n  model_data: model.tar.gz\n"
    )
    with serving(folder / "pipeline.yaml", folder) as server:
        yield server


@pytest.mark.parametrize(
    ("body", "answer", "skipped"),
    [
        (b"a\na\n", b"0.0\n0.0", None),
        (b"a\nx\na\ny\ny\ny\n", b"0.0\n0.0", ("4", "2,4-6")),
        (b"x\n" * 3 + b"a\n" + b"y\n", b"0.0", ("4", "1-3,5")),
    ],
)
def test_the_headers_say_which(
    skipping: Server, body: bytes, answer: bytes, skipped: tuple[str, str] | None
) -> None:
    made = skipping.ask(body)
    assert (made.status, made.body) == (200, answer)
    told = made.headers.get("x-skewless-skipped"), made.headers.get("x-skewless-skipped-rows")
    assert told == (skipped or (None, None))


def test_a_long_list_is_cut_and_says_so(skipping: Server) -> None:
    made = skipping.ask(b"a\nx\n" * 3000)
    assert made.body.count(b"0.0") == 3000
    assert made.headers["x-skewless-skipped"] == "3000"
    listed = made.headers["x-skewless-skipped-rows"]
    assert listed.startswith("2,4,6,")
    assert listed.endswith(",...")
    assert len(listed) <= 4004


def test_where_no_row_is_left_it_is_a_refusal(skipping: Server) -> None:
    made = skipping.ask(b"x\n")
    assert made.status == 400
    assert b"the row is dropped here" in made.body
    assert b"index" in made.body
