"""The errors, by whose fault they are."""

from skewless.scripts.toolkit.errors import AlgorithmError, BaseToolkitError, PlatformError, UserError

__all__ = ["AlgorithmError", "BaseToolkitError", "PlatformError", "UserError"]
