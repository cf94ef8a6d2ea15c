"""The states of a Glue job run."""

from __future__ import annotations

from typing import Final

from skewless.control.states import States

STATES: Final = States(
    "Glue job run",
    {
        "WAITING": ("STARTING", "STOPPING"),
        "STARTING": ("RUNNING", "STOPPING"),
        "RUNNING": ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPING", "STOPPED"),
        "STOPPING": ("STOPPED",),
        "SUCCEEDED": (),
        "FAILED": (),
        "TIMEOUT": (),
        "STOPPED": (),
    },
)
"""A run is STOPPED without STOPPING where a signal reached its process from elsewhere.

Of the service's states, ERROR and EXPIRED are not here: pollers that were written for AWS wait for SUCCEEDED, FAILED
or STOPPED, so what goes wrong is FAILED, whose fault it ever was; and only streaming jobs expire."""

UNDER_WAY: Final = ("STARTING", "RUNNING", "STOPPING")
"""What counts against a job's MaxConcurrentRuns."""
