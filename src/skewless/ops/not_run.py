"""MLeap's ops that are known and not run: why, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NOT_RUN: Final[Mapping[str, tuple[str, str]]] = {
    "tensorflow": (
        "runs a TensorFlow graph, which nothing but TensorFlow can",
        "Export the pipeline without it, and serve the graph behind it with TensorFlow.",
    ),
    "map_entry_selector": (
        "reads a column of maps, and no column here can hold maps",
        "Take the entry out of the map before the pipeline, into a column of its own.",
    ),
    "categorical_drilldown": (
        "chooses among transformers by a label, and the bundle does not say which columns they read",
        "Export one bundle for each label, and choose among these.",
    ),
}
"""By the op's name."""
