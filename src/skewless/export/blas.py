"""How a running Spark multiplies: the order of additions that its models' bundles must keep."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from skewless.ops.blas import Order

# Without them Spark takes the machine's libblas and liblapack, where there are any, whose order nobody knows.
JAVA_ONLY = "-Ddev.ludovic.netlib.blas.allowNative=false -Ddev.ludovic.netlib.lapack.allowNative=false"
NATIVE = (
    "This Spark multiplies with the machine's native BLAS library, whose order of additions no other program repeats. "
    f"Start it and its executors with spark.driver.extraJavaOptions={JAVA_ONLY!r}, as skewless.spark.session does."
)


def order_of(spark: SparkSession) -> Order:
    """The order of additions of the driver's Java; that of executors on other machines may differ."""
    java: Any = spark.sparkContext._jvm
    netlib = java.dev.ludovic.netlib.blas
    if str(netlib.JavaBLAS.getInstance().getClass().getSimpleName()) != "VectorBLAS":
        return Order(fused=True)
    return Order(int(java.jdk.incubator.vector.DoubleVector.SPECIES_PREFERRED.length()))


def is_native(spark: SparkSession) -> bool:
    """Whether Spark found a native BLAS library, which it prefers for long vectors and for matrices."""
    java: Any = spark.sparkContext._jvm
    try:
        java.dev.ludovic.netlib.blas.NativeBLAS.getInstance()
    except Py4JError:
        return False
    return True
