"""Neighbours and centres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn import cluster, neighbors

from tests.sklearn_parity.fitting import asked, covered, encoded, fit, fitted, named, one_feature
from tests.sklearn_parity.frames import numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for algorithm in ("brute", "kd_tree", "ball_tree"):
        for weights in ("uniform", "distance"):
            options: dict[str, Any] = {"weights": weights, "algorithm": algorithm}
            # Where distances overflow, matrix products make NaN of them, and trees infinities, which are refused.
            far = weights == "uniform" or algorithm != "brute"
            near: dict[str, Any] = {} if far else {"far": False, "within": 1e100}
            yield fitted(neighbors.KNeighborsClassifier(4, **options), "three", **near)
            yield fitted(neighbors.KNeighborsRegressor(3, **options))
            yield fitted(neighbors.RadiusNeighborsRegressor(3.0, **options))
            yield fitted(neighbors.RadiusNeighborsClassifier(3.0, outlier_label="a", **options), "three")
    for metric in ("manhattan", "chebyshev", "minkowski"):
        yield fitted(
            neighbors.KNeighborsClassifier(5, metric=metric, p=1 if metric == "minkowski" else 2), "words"
        )
        yield fitted(neighbors.KNeighborsRegressor(2, metric=metric, weights="distance"))
    yield fitted(neighbors.RadiusNeighborsClassifier(2.0), "flags")
    yield fitted(neighbors.RadiusNeighborsClassifier(2.0, outlier_label="most_frequent"), "four")
    yield one_feature(neighbors.KNeighborsClassifier(1), "four")
    yield one_feature(neighbors.KNeighborsRegressor(40))
    yield encoded(neighbors.KNeighborsClassifier(3), "words")
    for clusters in (
        *(cluster.KMeans(3, n_init=1, random_state=1), cluster.MiniBatchKMeans(4, n_init=1, random_state=1)),
        *(
            cluster.BisectingKMeans(5, random_state=1),
            cluster.Birch(n_clusters=3),
            cluster.MeanShift(bandwidth=3.0),
        ),
        *(cluster.BisectingKMeans(1, random_state=1), cluster.Birch(n_clusters=None, threshold=1.0)),
    ):
        yield _alone(clusters)
    yield encoded(cluster.KMeans(3, n_init=1, random_state=1))


def _alone(estimator: Any) -> Case:
    def build() -> Any:
        frame = numbers()
        return fit(estimator, frame, None), frame, asked()

    return Case(named(estimator, None), covered(estimator), build)
