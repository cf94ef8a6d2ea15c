"""`pipeline.yaml` to a pipeline that runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from skewless.bundles.archive import Files, read_files
from skewless.bundles.bundle import bundle_of
from skewless.containers import sparkml, xgboost
from skewless.containers.artifact import Artifact
from skewless.containers.base import Container
from skewless.containers.images import runtime_of
from skewless.containers.pipeline import EndToEnd, Pipeline
from skewless.errors import SettingError, SkewlessError, UnsupportedError
from skewless.settings import Settings
from skewless.trust import Trust

HostName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}\Z")]
"""CreateModel's rule for a container's name; it goes into headers of answers too."""

Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""The SHA-256 of code; that all may run is not for the file to say, which may come along with the code."""

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://")

EXAMPLE: Final = "containers: [{image: sparkml, model_data: model.tar.gz}]"


class ContainerSpec(msgspec.Struct, forbid_unknown_fields=True):
    """A container with the words of CreateModel."""

    image: str
    model_data: str
    environment: dict[str, Any] = {}
    container_hostname: HostName | None = None
    trust: list[Hash] = []
    """Code in the model data that may run."""


class ParitySpec(msgspec.Struct, forbid_unknown_fields=True):
    """Files with recorded bodies for the whole pipeline."""

    input: str
    output: str
    content_type: str = "text/csv"


class PipelineSpec(msgspec.Struct, forbid_unknown_fields=True):
    """The document: its containers in order."""

    containers: list[ContainerSpec]
    parity: ParitySpec | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A container as it was described, with the files of its model."""

    name: str
    runtime: str
    files: Files
    environment: Mapping[str, str]
    trust: Trust


def _sparkml(name: str, files: Files, environment: Mapping[str, str], settings: Settings) -> Container:
    return sparkml.load(name, Artifact.of(bundle_of(files), settings.trust), environment, settings)


def _xgboost(name: str, files: Files, environment: Mapping[str, str], settings: Settings) -> Container:
    return xgboost.load(name, files, environment, settings, files.name)


LOADERS: Final[Mapping[str, Callable[[str, Files, Mapping[str, str], Settings], Container]]] = {
    "sparkml": _sparkml,
    "xgboost": _xgboost,
}


def load_pipeline(
    path: str | Path, *, fused: bool = True, verify: bool = True, settings: Settings | None = None
) -> Pipeline:
    """The pipeline that a ``pipeline.yaml`` describes; its paths are relative to the file.

    With ``verify`` all parity rows are replayed before it is given out. SettingError names what is wrong in the file;
    ArtifactError, UnsupportedError and ParityError what is wrong with a model artifact.
    """
    file = Path(path)
    spec = read_spec(file)
    chosen = settings or Settings.read()
    parts = parts_of(file, spec, chosen)
    return assemble(parts, chosen, fused=fused, verify=verify, recorded=_recorded(file, spec.parity))


def assemble(
    parts: Iterable[Part],
    settings: Settings,
    *,
    fused: bool = True,
    verify: bool = True,
    recorded: EndToEnd | None = None,
) -> Pipeline:
    """Load containers and chain them; with ``verify`` all parity rows are replayed before it is given out.

    ArtifactError, UnsupportedError and ParityError name the container and what is wrong with its model.
    """
    containers: list[Container] = []
    for part in parts:
        with told_by(part.name):
            trusting = replace(settings, trust=settings.trust | part.trust)
            load = LOADERS[part.runtime]
            containers.append(load(part.name, part.files, part.environment, trusting))
    pipeline = Pipeline(containers, fused=fused, recorded=recorded)
    if verify:
        pipeline.verify()
    return pipeline


def read_spec(file: Path) -> PipelineSpec:
    """The document as it stands, checked for form only."""
    try:
        return msgspec.yaml.decode(file.read_bytes(), type=PipelineSpec)
    except OSError as error:
        raise SettingError(
            f"{file} cannot be read: {error.strerror}", hint="Give the path of a pipeline.yaml."
        ) from None
    except msgspec.DecodeError as error:
        raise SettingError(f"{file} is wrong: {error}", hint=f"It looks like: {EXAMPLE}") from None


def parts_of(file: Path, spec: PipelineSpec, settings: Settings) -> Iterator[Part]:
    """The document's containers in order, their models read but not looked into."""
    for number, one in enumerate(spec.containers, start=1):
        name = one.container_hostname or f"container-{number}"
        with told_by(name):
            files = read_files(_local(file.parent, one.model_data), limits=settings)
            runtime = runtime_of(one.image)
            yield Part(name, runtime, files, _environment(one.environment), Trust.of(one.trust))


@contextmanager
def told_by(container: str) -> Iterator[None]:
    """Errors raised within name the container where they have no place of their own."""
    try:
        yield
    except SkewlessError as error:
        error.message = f"{container}: {error.message}" if not error.place else error.message
        raise


def _local(folder: Path, model_data: str) -> Path:
    if _ADDRESS.match(model_data):
        raise UnsupportedError(
            f"model_data {model_data!r} is an address, and nothing is fetched",
            hint="Download it, and give the path of the file.",
        )
    return folder / model_data


def _environment(given: Mapping[str, Any]) -> dict[str, str]:
    """Values as text; a schema may be written as YAML in place of JSON in a string."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in given.items()
    }


def _recorded(file: Path, spec: ParitySpec | None) -> EndToEnd | None:
    if spec is None:
        return None
    try:
        body = (file.parent / spec.input).read_bytes()
        expected = (file.parent / spec.output).read_bytes()
    except OSError as error:
        raise SettingError(
            f"{file}: the parity file {error.filename} cannot be read: {error.strerror}",
            hint="Restore it, or leave out `parity`.",
        ) from None
    return EndToEnd(body, spec.content_type, expected)
