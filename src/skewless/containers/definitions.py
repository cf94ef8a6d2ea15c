"""CreateModel's container definitions, with their model data fetched, to a pipeline that runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from skewless.bundles.archive import Files, read_files
from skewless.containers.images import PROCESS, runtime_of
from skewless.containers.load import assemble, told_by
from skewless.containers.part import SUBMIT_DIRECTORY, Part
from skewless.containers.pipeline import Pipeline
from skewless.containers.process.hosting import Hosting
from skewless.errors import ArtifactError, SettingError, SkewlessError, UnsupportedError
from skewless.names import container_names
from skewless.settings import Settings
from skewless.trust import Trust

TRUST: Final = "SKEWLESS_TRUST"
"""The variable in a container's environment with the SHA-256 of code in its model data that may run."""

Definition: TypeAlias = Mapping[str, Any]
"""A ContainerDefinition, with the service's member names."""

Fetch: TypeAlias = Callable[[str], Path]
"""Brings the object at an ``s3://`` address into a file of its own and gives its path; raises a SkewlessError."""


def pipeline_of(
    definitions: Sequence[Definition],
    fetch: Fetch,
    *,
    direct: bool = False,
    verify: bool = True,
    settings: Settings | None = None,
    hosting: Hosting | None = None,
) -> Pipeline:
    """The pipeline of a model; with ``verify`` all parity rows are replayed before it is given out.

    ``direct``: the model's InferenceExecutionConfig has Mode Direct. ``hosting`` is for containers that run programs,
    which have answered a ping then.

    SettingError or UnsupportedError names what is wrong in a definition; ArtifactError and ParityError what is wrong
    with its model data, by its address; and whatever ``fetch`` raises. All name the container.
    """
    chosen = settings or Settings.read()
    where = hosting or Hosting()
    return assemble(
        _parts(definitions, fetch, chosen, where.images), chosen, where, verify=verify, direct=direct
    )


def _parts(
    definitions: Sequence[Definition], fetch: Fetch, settings: Settings, registered: Collection[str]
) -> Iterator[Part]:
    for name, one in zip(container_names(definitions), definitions, strict=True):
        with told_by(name):
            runtime = _runtime(one, registered)
            environment = one.get("Environment") or {}
            trust = _trust(environment)
            address = _model_data(one, runtime)
            files = Files("no model data", {})
            if address is not None:
                files = _files(_fetched(address, name, fetch), f"{name}, {address}", settings)
            script = _script(environment, name, fetch, settings)
            yield Part(name, runtime, files, environment, trust, one["Image"], script)


def _script(environment: Mapping[str, str], name: str, fetch: Fetch, settings: Settings) -> Files | None:
    """What is to lie in /opt/ml/code, where it has an address of its own."""
    address = environment.get(SUBMIT_DIRECTORY, "")
    if not address.startswith("s3://"):
        return None
    return _files(_fetched(address, name, fetch), f"{name}, {address}", settings)


def _runtime(definition: Definition, registered: Collection[str]) -> str:
    if definition.get("Mode") == "MultiModel":
        raise UnsupportedError(
            "Mode MultiModel is not supported by this version", hint="Make a model for each artifact."
        )
    if definition.get("ModelPackageName"):
        raise UnsupportedError(
            "ModelPackageName is not supported by this version", hint="Give Image and ModelDataUrl."
        )
    image = definition.get("Image")
    if not image:
        raise SettingError("there is no Image", hint="Give the name of a built-in image.")
    return runtime_of(image, registered)


def _model_data(definition: Definition, runtime: str) -> str | None:
    """The address of the archive with the model; None for a program that has none."""
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None:
        address = definition.get("ModelDataUrl")
    elif source["S3DataType"] == "S3Object" and source["CompressionType"] == "Gzip":
        address = source["S3Uri"]
    else:
        raise UnsupportedError(
            "ModelDataSource: model data that is not one tar.gz is not supported by this version",
            hint="Pack it, and say S3Object and Gzip, or give ModelDataUrl.",
        )
    if not address:
        if runtime == PROCESS:
            return None
        raise SettingError("there is no ModelDataUrl", hint="A built-in image needs a model.tar.gz.")
    return str(address)


def _fetched(address: str, name: str, fetch: Fetch) -> Path:
    """The archive; an error that has a place of its own says whose it is as well."""
    try:
        return fetch(address)
    except SkewlessError as error:
        if error.place:
            error.message = f"{error.message} (the model data of {name})"
        raise


def _files(path: Path, place: str, settings: Settings) -> Files:
    """The files of a fetched model; errors call it by ``place``, since nobody knows the path."""
    try:
        files = read_files(path, limits=settings)
    except ArtifactError as error:
        error.artifact = place
        raise
    return replace(files, name=place)


def _trust(environment: Mapping[str, str]) -> Trust:
    """Hashes only, as in pipeline.yaml: a definition is copied along with the artifact whose code it would trust."""
    trust = Trust.of(environment.get(TRUST, ""), TRUST)
    if trust.everything:
        raise SettingError(
            f"{TRUST} in a container's environment takes hashes, not 'all'",
            hint="Name the SHA-256 of each piece of code that may run.",
        )
    return trust
