"""The car pipeline as a model of MLflow, and its server: ``python -m benchmarks.peers.serve_mlflow FOLDER PORT``."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import mlflow

from benchmarks.peers.mlflow_model import CarModel


def main() -> None:
    """Save the model, then become the command that serves it."""
    work, port = sys.argv[1:]
    folder = Path(tempfile.mkdtemp(), "model")
    mlflow.pyfunc.save_model(folder, python_model=CarModel(), pip_requirements=[])
    arguments = ["models", "serve", "-m", folder, "--env-manager", "local", "-h", "127.0.0.1", "-p", port]
    environment = {
        **os.environ,
        "BENCH_WORK": work,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    os.execve(sys.executable, [sys.executable, "-m", "mlflow", *map(str, arguments), "-w", "1"], environment)


if __name__ == "__main__":
    main()
