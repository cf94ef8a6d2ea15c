"""The process of one job, ``python -m skewless.jobs.run FOLDER``: it writes how the job ended, whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Final

from skewless.errors import SkewlessError
from skewless.jobs.job import Job, Outcome
from skewless.lazy import resolve

KINDS: Final = {
    "training": "skewless.jobs.training_job:run",
    "processing": "skewless.jobs.processing_job:run",
    "transform": "skewless.jobs.transform_job:run",
    "glue": "skewless.jobs.glue_job:run",
}
"""What runs a job of each kind: a function of the `Job` that gives its `Outcome`."""

_PR_SET_PDEATHSIG: Final = 1


def main(folder: str) -> None:
    """Run the job of this folder to its end."""
    end_with_parent()
    job = Job(Path(folder))
    try:
        outcome = resolve(KINDS[job.asked.kind])(job)
    except SkewlessError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        outcome = Outcome("Failed", f"ClientError: {error}")
    except BaseException as error:
        traceback.print_exc()
        outcome = Outcome("Failed", f"InternalServerError: {type(error).__name__}: {error}")
    job.finish(outcome)


def end_with_parent() -> None:
    """Have this process killed when the one that started it ends, however that ends."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
