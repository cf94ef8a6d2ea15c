"""The toolkit's exceptions."""

from skewless.scripts.toolkit.errors import (
    BaseInferenceToolkitError,
    ClientError,
    GenericInferenceToolkitError,
    UnsupportedFormatError,
)

__all__ = [
    "BaseInferenceToolkitError",
    "ClientError",
    "GenericInferenceToolkitError",
    "UnsupportedFormatError",
]
