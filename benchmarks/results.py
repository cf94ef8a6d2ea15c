"""What was measured, kept as JSON: each part by itself, so that one can be taken anew without the others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.places import ROOT

Results: TypeAlias = dict[str, Any]
"""By part: ``taken`` (a date), ``quick``, ``seconds``, ``load`` (the machine's before it), ``machine``, ``versions``,
and ``data``, what the part itself gives."""


def read(path: Path) -> Results:
    """What is there; nothing where there is no file yet."""
    found: Results = json.loads(path.read_text()) if path.exists() else {}
    return found


def merge(path: Path, part: str, taken: Mapping[str, Any]) -> Results:
    """Put one part in the place of what there was of it; gives all."""
    every = read(path)
    every[part] = rounded(dict(taken))
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n")
    new.replace(path)
    return every


def rounded(value: Any) -> Any:
    """Numbers to five digits, which is more than any of them is good for; texts without this machine's folders."""
    if isinstance(value, str):
        return value.replace(f"{ROOT}/", "").replace(f"{Path.home()}/", "~/")
    if isinstance(value, dict):
        return {str(name): rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
