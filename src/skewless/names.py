"""Names of things as AWS writes them: ARNs, ids, and the services' addresses inside them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

ACCOUNT: Final = "000000000000"
"""The one account of an installation; AWS gives its accounts twelve digits, and nobody has this one."""


DEFAULT_ROLE: Final = "SkewlessExecutionRole"
"""The execution role that the first start makes."""


@dataclass(frozen=True, slots=True)
class Names:
    """Makes ARNs of one account and region."""

    region: str
    account: str = ACCOUNT

    def sagemaker(self, kind: str, name: str) -> str:
        """``arn:aws:sagemaker:…:kind/name``; SageMaker writes the name in lower case."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"

    def glue(self, kind: str, name: str) -> str:
        """``arn:aws:glue:…:kind/name``."""
        return f"arn:aws:glue:{self.region}:{self.account}:{kind}/{name}"

    def role(self, path: str, name: str) -> str:
        """A role's ARN; ``path`` begins and ends with a slash."""
        return f"arn:aws:iam::{self.account}:role{path}{name}"

    def log_group(self, name: str) -> str:
        """A log group's ARN as ``logGroupArn`` has it, without the trailing ``:*``."""
        return f"arn:aws:logs:{self.region}:{self.account}:log-group:{name}"


def instance_id() -> str:
    """A new id of the form that clients know from EC2."""
    return f"i-{secrets.token_hex(8)}0"[:19]


def bucket_and_key(uri: str) -> tuple[str, str] | None:
    """Bucket and key of an ``s3://`` (or ``s3a://``, ``s3n://``) address; None for any other text."""
    scheme, mark, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return (bucket, key) if mark and scheme in ("s3", "s3a", "s3n") and bucket else None


def container_names(definitions: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a model's containers are called in logs, metrics and errors: by host name, or by their place."""
    alone = "primary" if len(definitions) == 1 else None
    return [
        one.get("ContainerHostname") or alone or f"container-{number}"
        for number, one in enumerate(definitions, start=1)
    ]
