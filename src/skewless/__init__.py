"""Skewless: inference pipelines you own, with proof that serving does what training did."""

from skewless.lazy import lazy_attributes

__version__ = "0.1.0"
__all__ = ["PythonStage", "__version__", "load", "load_pipeline", "mleap", "spark"]

__getattr__ = lazy_attributes(
    __name__,
    {
        "PythonStage": "skewless.python_stage:PythonStage",
        "load": "skewless.containers.artifact:load",
        "load_pipeline": "skewless.containers.load:load_pipeline",
        "mleap": "skewless.mleap",
        "spark": "skewless.spark",
    },
)
