"""Export what Spark fitted: `export` a live model, `convert` a saved one; `session` starts a local Spark.

`stage` makes a stage for Spark's pipelines of your own `skewless.PythonStage`.
"""

from skewless.export.saved import convert as convert
from skewless.lazy import lazy_attributes

__all__ = ["convert", "export", "session", "stage"]

# Only these need pyspark.
__getattr__ = lazy_attributes(
    __name__,
    {
        "export": "skewless.export.spark:export",
        "session": "skewless.export.spark:session",
        "stage": "skewless.export.python_stage:stage",
    },
)
