"""Arrays to bodies."""

from typing import Final

from skewless.scripts.toolkit.arrays import ENCODERS
from skewless.scripts.toolkit.arrays import inference_encode as encode

SUPPORTED_CONTENT_TYPES: Final = set(ENCODERS)

__all__ = ["SUPPORTED_CONTENT_TYPES", "encode"]
