"""The modules of SageMaker's first container toolkit that scripts import."""

from skewless.scripts.toolkit import arrays as _encoders
from skewless.scripts.toolkit import content_types as _content_types
from skewless.scripts.toolkit import environment as _env
from skewless.scripts.toolkit import errors as _errors
from skewless.scripts.toolkit.environment import training_env

__all__ = ["_content_types", "_encoders", "_env", "_errors", "training_env"]
