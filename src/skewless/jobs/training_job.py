"""The process of a training job: the built-in algorithm, or a program of the user's own."""

from __future__ import annotations

from skewless.jobs import algorithm_training
from skewless.jobs.job import Job, Outcome


def run(job: Job) -> Outcome:
    """Train and upload the artifact. Told to stop while it trains, it uploads what there is until then."""
    return algorithm_training.run(job)
