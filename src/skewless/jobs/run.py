"""The process of one job, ``python -m skewless.jobs.run FOLDER``: it writes how the job ended, whatever happens."""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import pyarrow as pa

from skewless.errors import SkewlessError
from skewless.jobs.job import Job, Outcome, StopAsked, why_not
from skewless.lazy import resolve
from skewless.lifetime import end_with_parent
from skewless.priority import lower_own

KINDS: Final = {
    "training": "skewless.jobs.training_job:run",
    "processing": "skewless.jobs.processing_job:run",
    "transform": "skewless.jobs.transform_job:run",
    "glue": "skewless.jobs.glue_job:run",
}
"""What runs a job of each kind: a function of the `Job` that gives its `Outcome`."""


def main(folder: str) -> None:
    """Run the job of this folder to its end."""
    end_with_parent()
    lower_own()
    job = Job(Path(folder))
    # Arrow's reader of CSV would take the signal for itself, and the job would fail in place of being stopped.
    pa.enable_signal_handlers(False)
    signal.signal(signal.SIGTERM, _stop)
    try:
        outcome = resolve(KINDS[job.asked.kind])(job)
    except StopAsked:
        outcome = Outcome("Stopped")
    except SkewlessError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        outcome = Outcome("Failed", f"ClientError: {error}")
    except BaseException as error:
        traceback.print_exc()
        outcome = Outcome("Failed", why_not(error))
    job.finish(outcome)


def _stop(_: int, __: FrameType | None) -> NoReturn:
    # Not ignored from now on, which the programs that are started later would inherit.
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise StopAsked


if __name__ == "__main__":
    main(sys.argv[1])
