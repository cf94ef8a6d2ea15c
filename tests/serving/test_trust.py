"""A server that runs a stage in Python of one's own: trusted, in every worker, and answering what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.own_stages import Fails
from tests.pipelines import write as write_pipeline
from tests.python_bundles import code_of, write
from tests.serving.running import serving


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serving_code_that_is_trusted(tmp_path: Path, workers: str) -> None:
    code = code_of(Fails())
    write(code, tmp_path / "own.zip", {"x": [4.0, 0.5]})
    pipeline = write_pipeline(tmp_path, {"containers": [{"image": "sparkml", "model_data": "own.zip"}]})
    with serving(pipeline, tmp_path, "--trust", code.digest, "--workers", workers) as server:
        assert (server.ask(b"4").status, server.ask(b"4\n0.5").text) == (200, "0.25\n2.0")
        refused = server.ask(b"0")
        assert refused.status == 400
        for part in (
            "container-1",
            "stage own",
            "column 'x'",
            "row 1",
            "ZeroDivisionError",
            "stage.py, line ",
        ):
            assert part in refused.text
        assert server.stop() == 0
    assert "Traceback" not in server.log
