"""The car pipeline behind FastAPI and uvicorn: ``python -m benchmarks.peers.serve_fastapi FOLDER PORT scikit|onnx``.

As quick as FastAPI's users have it: uvloop, httptools, no access log, and a coroutine, since a call in FastAPI's thread
pool costs more than it frees.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.cars import Cars
from benchmarks.peers.onnx_cars import OnnxCars


class Car(BaseModel):
    """A request's body."""

    buying: str
    maint: str
    doors: str
    persons: str
    lug_boot: str
    safety: str


def application(cars: Cars | OnnxCars) -> Any:
    """One route."""
    app = FastAPI()

    @app.post("/invocations")
    async def invocations(car: Car) -> dict[str, str]:
        return {"label": cars.label(list(car.model_dump().values()))}

    return app


def main() -> None:
    """Serve."""
    folder, port, way = sys.argv[1:]
    cars = Cars(folder)
    app = application(cars if way == "scikit" else OnnxCars(cars))
    uvicorn.run(app, port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
