"""The toolkit's exceptions."""

from skewless.scripts.toolkit.errors import (
    ChannelDoesNotExistException,
    ClientError,
    ExecuteUserScriptError,
    ImportModuleError,
    InstallModuleError,
)

__all__ = [
    "ChannelDoesNotExistException",
    "ClientError",
    "ExecuteUserScriptError",
    "ImportModuleError",
    "InstallModuleError",
]
