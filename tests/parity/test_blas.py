"""Our dot products and matrix products against the very classes of netlib that Spark calls, bit for bit."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pyspark.sql import SparkSession

from skewless.export.blas import order_of
from skewless.ops.blas import Coefficients, Order, dot_dense
from skewless.ops.fitted import Matrix
from skewless.schema import vector
from skewless.table import from_cells
from skewless.transforms.parity import same

LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 300)


class Netlib:
    """One of netlib's classes, by reflection, since most are not public."""

    def __init__(self, spark: SparkSession, name: str) -> None:
        context: Any = spark.sparkContext
        self._gateway: Any = context._gateway
        self._java: Any = context._jvm.java.lang
        kind = self._java.Class.forName(f"dev.ludovic.netlib.blas.{name}")
        self._instance = self._invoke(self._method(kind, "getInstance", 0), None)
        interface = self._java.Class.forName("dev.ludovic.netlib.blas.BLAS")
        self._ddot, self._dgemv = self._method(interface, "ddot", 5), self._method(interface, "dgemv", 11)

    def _method(self, kind: Any, name: str, count: int) -> Any:
        (method,) = [
            method
            for method in kind.getMethods()
            if method.getName() == name and method.getParameterCount() == count
        ]
        method.setAccessible(True)
        return method

    def _invoke(self, method: Any, instance: Any, *arguments: Any) -> Any:
        given = self._gateway.new_array(self._java.Object, len(arguments))
        for place, argument in enumerate(arguments):
            given[place] = argument
        return method.invoke(instance, given)

    def _doubles(self, values: list[float]) -> Any:
        made = self._gateway.new_array(self._gateway.jvm.double, len(values))
        for place, value in enumerate(values):
            made[place] = value
        return made

    def dot(self, x: list[float], y: list[float]) -> float:
        return float(
            self._invoke(self._ddot, self._instance, len(x), self._doubles(x), 1, self._doubles(y), 1)
        )

    def product(self, matrix: Matrix, x: list[float], start: list[float]) -> list[float]:
        """The matrix times x plus ``start``, as Spark's BLAS.gemv calls it."""
        rows = [list(row.values) for row in matrix.rows]
        if matrix.by_columns:
            flat = [row[slot] for slot in range(len(x)) for row in rows]
            shape: tuple[Any, ...] = ("N", len(rows), len(x))
        else:
            flat = [value for row in rows for value in row]
            shape = ("T", len(x), len(rows))
        made = self._doubles(start)
        given = (*shape, 1.0, self._doubles(flat), shape[1], self._doubles(x), 1, 1.0, made, 1)
        self._invoke(self._dgemv, self._instance, *given)
        return list(made)


@pytest.fixture(scope="module", params=["JavaBLAS", "Java11BLAS"])
def netlib(request: pytest.FixtureRequest, spark: SparkSession) -> tuple[Netlib, Order]:
    """The class that this Spark takes, and the one that it takes on a Java without the vector module."""
    order = order_of(spark) if request.param == "JavaBLAS" else Order(fused=True)
    return Netlib(spark, request.param), order


def numbers(source: random.Random, count: int) -> list[float]:
    return [source.choice((-1.0, 1.0)) * 10.0 ** source.uniform(-3, 3) for _ in range(count)]


@pytest.mark.parametrize("length", LENGTHS)
def test_dot(netlib: tuple[Netlib, Order], length: int) -> None:
    source, (java, order) = random.Random(length), netlib
    for _ in range(8):
        x, y = numbers(source, length), numbers(source, length)
        expected = java.dot(x, y)
        assert same(dot_dense(x, y, order), expected)
        (batch,) = Coefficients(tuple(y), order=order).batch(from_cells(vector(length), [x]))
        assert same(float(batch), expected)


@pytest.mark.parametrize("by_columns", [False, True])
@pytest.mark.parametrize("length", LENGTHS[1:])
def test_matrix(netlib: tuple[Netlib, Order], length: int, by_columns: bool) -> None:
    source, (java, order) = random.Random(length), netlib
    for height in (1, 2, 4, 5, 9):
        rows = tuple(Coefficients(tuple(numbers(source, length)), order=order) for _ in range(height))
        matrix, x, start = Matrix(rows, by_columns), numbers(source, length), numbers(source, height)
        expected = java.product(matrix, x, start)
        assert same(matrix.add_to(start)(x), expected)
        assert same(matrix.batch(from_cells(vector(length), [x]), start)[0].tolist(), expected)
