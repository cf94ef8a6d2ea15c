"""The table of contents of operations: importing it fills ``OPERATIONS``. One line for each group of them."""

from typing import Final

from skewless.control import (
    glue_jobs,
    glue_runs,
    iam,
    iam_policies,
    log_events,
    logs,
    sts,
)
from skewless.control.plane import OPERATIONS

__all__ = ["GROUPS", "OPERATIONS"]

GROUPS: Final = (
    glue_jobs,
    glue_runs,
    iam,
    iam_policies,
    log_events,
    logs,
    sts,
)
