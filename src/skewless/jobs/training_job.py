"""The process of a training job: the built-in algorithm, or a program of the user's own."""

from __future__ import annotations

from typing import Final

from skewless.containers.training import way_of
from skewless.jobs.job import Job, Outcome
from skewless.jobs.script_training import job as script_training
from skewless.lazy import resolve

ALGORITHM: Final = {"xgboost": "skewless.jobs.algorithm_training:run"}
"""A library that takes its time to load, and is not wanted by a program."""


def run(job: Job) -> Outcome:
    """Train and upload the artifact. Told to stop while it trains, it uploads what there is until then."""
    way = way_of(job.asked.request, job.asked.images)
    if way.kind != "algorithm":
        return script_training.run(job, way)
    outcome: Outcome = resolve(ALGORITHM[way.runtime])(job)
    return outcome
