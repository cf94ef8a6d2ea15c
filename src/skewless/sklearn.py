"""What scikit-learn fitted: `export` makes a bundle of a pipeline, `save` an archive of what no bundle can hold."""

from skewless.lazy import lazy_attributes

# Only this needs scikit-learn.
__getattr__ = lazy_attributes(
    __name__, {"export": "skewless.export.sklearn:export", "save": "skewless.export.sklearn_skops:save"}
)
