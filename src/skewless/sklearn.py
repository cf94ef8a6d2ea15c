"""Export what scikit-learn fitted: `export` makes a bundle of a fitted pipeline."""

from skewless.lazy import lazy_attributes

# Only this needs scikit-learn.
__getattr__ = lazy_attributes(__name__, {"export": "skewless.export.sklearn:export"})
