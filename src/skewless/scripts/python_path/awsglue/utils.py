"""Reading a script's arguments."""

from skewless.scripts.glue_options import GlueArgumentError, getResolvedOptions

__all__ = ["GlueArgumentError", "getResolvedOptions"]
