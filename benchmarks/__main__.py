"""``make bench``: measure, and write `docs/benchmarks.md`.

``ONLY=part,part`` measures these alone and leaves the others as they were; ``ONLY=page`` only writes the page.
``QUICK=1`` takes small rounds.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks import environments
from benchmarks.environments import NotThere, python_of
from benchmarks.machine import QUIET, load, machine, versions
from benchmarks.page import judged, page
from benchmarks.parts import batch, gateway, life, one_row, serving
from benchmarks.places import FULL, PAGE, PLOTS, QUICK, RESULTS, ROOT, Budget
from benchmarks.processes import environment
from benchmarks.results import Results, merge, read
from benchmarks.targets import TARGETS
from benchmarks.workloads import made

Part = Callable[[Path, Budget], dict[str, Any]]

PARTS: Final[Mapping[str, tuple[Part, Sequence[str]]]] = {
    "row": (one_row.row, ("peers", "jpmml")),
    "mixed": (one_row.mixed, ("peers",)),
    "trees": (one_row.trees, ("peers",)),
    "containers": (one_row.containers, ()),
    "http": (serving.http, ("peers",)),
    "gateway": (gateway.gateway, ()),
    "start": (life.start_up, ()),
    "memory": (life.memory, ()),
    "busy": (life.busy, ()),
    "batch": (batch.batch, ("peers",)),
    "peers": (serving.peers, ("peers", "mlserver", "bentoml", "ray", "litserve", "mlflow")),
}
"""Each with the environments that it needs."""
_TOLD: Final = (
    "skewless",
    "numpy",
    "pyarrow",
    "uvicorn",
    "uvloop",
    "httptools",
    "xgboost-cpu",
    "scikit-learn",
)


def main() -> int:
    """Measure what is asked for."""
    asked = [name for name in os.environ.get("ONLY", "").replace(",", " ").split() if name != "page"]
    unknown = sorted(set(asked) - set(PARTS))
    if unknown:
        print(f"bench: there is no part {unknown[0]}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    quick = os.environ.get("QUICK", "") not in ("", "0")
    chosen = [] if os.environ.get("ONLY", "").strip() == "page" else asked or list(PARTS)
    # With this setting every start would compile the sources anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    before = load()  # of other work: a part's own would be told of the next one
    if chosen:
        environments.install(dict.fromkeys(("peers", *(name for part in chosen for name in PARTS[part][1]))))
        work = made()
        failed = [part for part in chosen if not _measure(part, work, before, quick=quick)]
    else:
        failed = []
    results = read(RESULTS)
    if results:
        _draw()
    PAGE.write_text(page(results))
    _show(results)
    return 1 if failed else 0


def _measure(part: str, work: Path, before: float, *, quick: bool) -> bool:
    """One part into the results; False where it cannot be, and then what there was of it stays."""
    run, needed = PARTS[part]
    begin = time.monotonic()
    disturbed = "" if before <= QUIET else f" ({before} processors busy: not quiet)"
    print(f"bench: {part}{disturbed}", flush=True)
    try:
        data = run(work, QUICK if quick else FULL)
    except (NotThere, TimeoutError, SystemExit) as error:
        print(f"bench: {part} failed: {error}", file=sys.stderr)
        return False
    taken = {
        "taken": datetime.now(UTC).date().isoformat(),
        "quick": quick,
        "seconds": time.monotonic() - begin,
        "load": before,
        "machine": machine(),
        "versions": {**versions(*_TOLD), **_peer_versions(needed), **data.pop("versions", {})},
        "data": data,
    }
    merge(RESULTS, part, taken)
    return True


def _peer_versions(names: Sequence[str]) -> dict[str, str]:
    """What the environments' files say of the packages that they are named for."""
    found = {}
    for name in names:
        for line in (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines():
            package, _, version = line.partition("==")
            if package in (name, "fastapi", "onnxruntime") and package not in found:
                found[package] = version
    return found


def _draw() -> None:
    try:
        command: list[str | Path] = [python_of("peers"), "-m", "benchmarks.plots", RESULTS, PLOTS]
    except NotThere as reason:
        print(f"bench: no plots: {reason}", file=sys.stderr)
        return
    subprocess.run(command, cwd=ROOT, env=environment(), check=False)


def _show(results: Results) -> None:
    for target in TARGETS:
        measured, verdict = judged(target, results)
        print(f"{verdict.partition(':')[0]:<12} {target.what}: {measured} [{target.target}]")
    print(f"bench: {PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended on the way out
    sys.exit(main())
