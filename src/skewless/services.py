"""How a process of ours reaches storage, and the code in it the services."""

from __future__ import annotations

import msgspec


class Services(msgspec.Struct, frozen=True):
    """Where the services are, and with which keys."""

    endpoint_url: str
    region: str
    access_key: str
    secret_key: str
    s3_folder: str | None = None
    """The folder that holds a folder for each bucket; None where S3 is elsewhere."""
    s3_endpoint_url: str | None = None
    """Another S3, where there is no folder."""
