"""The plots, as SVG: ``python -m benchmarks.plots RESULTS FOLDER``, in the environment that has matplotlib."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib import pyplot

Data = Mapping[str, Any]
Points = Sequence[Sequence[float]]


def latency(axes: Any, parts: Data) -> None:
    """Percentiles over nines, so that tails are seen."""
    for name, points in parts["http"]["curves"].items():
        _line(axes, [(nines, value / 1e3) for nines, value in points], name, mark="")
    axes.set_xticks(range(4), ["all", "p90", "p99", "p99.9"])
    axes.set(xlabel="share of requests", ylabel="µs", yscale="log")


def connections(axes: Any, parts: Data) -> None:
    """Requests a second."""
    for name, points in parts["http"]["sweep"].items():
        _line(axes, points, name)
    axes.set(xlabel="connections", ylabel="requests/s", xscale="log", ylim=(0, None))


def rows(axes: Any, parts: Data) -> None:
    """Rows a second of the whole command."""
    _line(axes, parts["batch"]["curve"], "skewless transform, CSV")
    axes.set(xlabel="rows", ylabel="rows/s", xscale="log", ylim=(0, None))


def containers(axes: Any, parts: Data) -> None:
    """Microseconds of a row through a chain."""
    ways = parts["containers"]["ways"]
    points = sorted((int(size), found["median"] / 1e3) for size, found in ways.items())
    _line(axes, points, "skewless")
    axes.set(xlabel="containers", ylabel="µs a row", ylim=(0, None))


def trees(axes: Any, parts: Data) -> None:
    """Microseconds of a row against trees."""
    _forests(axes, parts, lambda trees, width: trees if width == 100 else None)
    axes.set(xlabel="trees of depth 8, 100 features", ylabel="µs a row", xscale="log", yscale="log")


def features(axes: Any, parts: Data) -> None:
    """Microseconds of a row against features."""
    _forests(axes, parts, lambda trees, width: width if trees == 100 else None)
    axes.set(xlabel="features, 100 trees of depth 8", ylabel="µs a row", xscale="log", yscale="log")


def _forests(axes: Any, parts: Data, place: Callable[[int, int], int | None]) -> None:
    lines: dict[str, list[tuple[int, float]]] = {}
    for case, found in parts["trees"]["ways"].items():
        way, _, size = case.rpartition(" ")
        if "x" not in size or not size.replace("x", "").isdecimal():
            continue
        at = place(*map(int, size.split("x")))
        if at is not None:
            lines.setdefault(way, []).append((at, found["median"] / 1e3))
    for way, points in lines.items():
        _line(axes, sorted(points), way, mark="o" if len(points) > 1 else "D")


def _line(axes: Any, points: Points, name: str, mark: str = "o") -> None:
    across, up = zip(*points, strict=True)
    ours = name.lower().startswith("skewless")
    axes.plot(across, up, label=name, marker=mark, markersize=4, linewidth=2.2 if ours else 1.2)


PLOTS: Final = (latency, connections, rows, containers, trees, features)


def main() -> None:
    """Draw what there are results for; a plot without any is left as it is."""
    results, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    parts = {name: taken["data"] for name, taken in results.items()}
    matplotlib.use("svg")
    # No date and no random names: the same results give the same file.
    matplotlib.rcParams.update({"svg.hashsalt": "skewless", "font.size": 9, "svg.fonttype": "none"})
    for draw in PLOTS:
        figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
        try:
            draw(axes, parts)
        except KeyError as missing:
            print(f"bench: no plot of {draw.__name__}: there is no {missing}")
            continue
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(folder / f"{draw.__name__}.svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
