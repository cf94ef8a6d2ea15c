"""Where a serving script runs."""

from skewless.scripts.toolkit.environment import ServingEnv as Environment
from skewless.scripts.toolkit.environment import base_dir, model_dir

code_dir = f"{model_dir}/code"

__all__ = ["Environment", "base_dir", "code_dir", "model_dir"]
