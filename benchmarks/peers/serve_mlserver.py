"""Start MLServer with the car pipeline: ``python -m benchmarks.peers.serve_mlserver FOLDER PORT``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from mlserver.cli.main import main as command


def main() -> None:
    """Write its settings, then be its command."""
    work, port = sys.argv[1:]
    os.environ["BENCH_WORK"] = work
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "host": "127.0.0.1",
            "http_port": int(port),
            "grpc_port": int(port) + 1,
            "metrics_endpoint": None,
            "debug": False,
            "parallel_workers": 0,
        }
        Path(folder, "settings.json").write_text(json.dumps(settings))
        model = {"name": "cars", "implementation": "benchmarks.peers.mlserver_model.CarModel"}
        Path(folder, "model-settings.json").write_text(json.dumps(model))
        sys.argv = ["mlserver", "start", folder]
        command()


if __name__ == "__main__":
    main()
