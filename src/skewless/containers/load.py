"""`pipeline.yaml` to a pipeline that runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from skewless.bundles.archive import BUNDLE_FILE, Files, read_files
from skewless.bundles.bundle import bundle_of
from skewless.containers import sparkml, xgboost
from skewless.containers.artifact import Artifact
from skewless.containers.base import Container
from skewless.containers.images import PROCESS, is_path, runtime_of
from skewless.containers.part import SUBMIT_DIRECTORY, Part
from skewless.containers.pipeline import EndToEnd, Pipeline
from skewless.containers.process.hosting import Hosting
from skewless.containers.process.registered import read_images
from skewless.errors import ArtifactError, SettingError, SkewlessError, UnsupportedError
from skewless.lazy import resolve
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
    model_data: str | None = None
    """Only a program can do without."""
    environment: dict[str, Any] = {}
    container_hostname: HostName | None = None
    trust: list[Hash] = []
    """Code in the model data that may run."""


class ParitySpec(msgspec.Struct, forbid_unknown_fields=True):
    """Files with recorded bodies for the whole pipeline."""

    input: str
    output: str
    content_type: str = "text/csv"


class ExecutionSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How requests reach the containers: each through all of them, or to the one that it names."""

    mode: Literal["Serial", "Direct"]


class PipelineSpec(msgspec.Struct, forbid_unknown_fields=True):
    """The document: its containers in order."""

    containers: list[ContainerSpec]
    inference_execution_config: ExecutionSpec = ExecutionSpec("Serial")
    parity: ParitySpec | None = None


BY_PROGRAM: Final[Mapping[str, str]] = {
    "script": "skewless.containers.program:load_script",
    "skops": "skewless.containers.program:load_skops",
    "program": "skewless.containers.program:load_program",
}
"""Containers that run code, with processes and all that these need, which most pipelines do without."""


def _sparkml(part: Part, settings: Settings, _: Hosting) -> Container:
    artifact = Artifact.of(bundle_of(part.files), settings.trust)
    return sparkml.load(part.name, artifact, part.environment, settings)


def _xgboost(part: Part, settings: Settings, hosting: Hosting) -> Container:
    if part.names_script:
        return _by_program("script", part, settings, hosting)
    return xgboost.load(part.name, part.files, part.environment, settings, part.files.name)


def _sklearn(part: Part, settings: Settings, hosting: Hosting) -> Container:
    if part.names_script:
        return _by_program("script", part, settings, hosting)
    if any(path.endswith(".skops") for path in part.files):
        return _by_program("skops", part, settings, hosting)
    if BUNDLE_FILE not in part.files:
        raise ArtifactError(
            "is no pipeline that was exported by skewless.sklearn.export, no skops file, and no script is named",
            artifact=part.files.name,
            hint="Export it, or name the script that serves it in SAGEMAKER_PROGRAM.",
        )
    container = _sparkml(part, settings, hosting)
    container.runtime = "sklearn"
    return container


def _by_program(what: str, part: Part, settings: Settings, hosting: Hosting) -> Container:
    loaded: Container = resolve(BY_PROGRAM[what])(part, settings, hosting)
    return loaded


LOADERS: Final[Mapping[str, Callable[[Part, Settings, Hosting], Container]]] = {
    "sparkml": _sparkml,
    "xgboost": _xgboost,
    "sklearn": _sklearn,
    "python": partial(_by_program, "script"),
    "process": partial(_by_program, "program"),
}


def load_pipeline(
    path: str | Path,
    *,
    fused: bool = True,
    verify: bool = True,
    settings: Settings | None = None,
    hosting: Hosting | None = None,
) -> Pipeline:
    """The pipeline that a ``pipeline.yaml`` describes; its paths are relative to the file.

    With ``verify`` all parity rows are replayed before it is given out, and programs have answered a ping; ``hosting``
    is for these. SettingError names what is wrong in the file;
    ArtifactError, UnsupportedError and ParityError what is wrong with a model artifact.
    """
    file = Path(path)
    spec = read_spec(file)
    chosen = settings or Settings.read()
    where = hosting or Hosting(images=read_images(chosen.data_dir))
    parts = parts_of(file, spec, chosen, where.images)
    recorded = _recorded(file, spec.parity)
    direct = spec.inference_execution_config.mode == "Direct"
    if direct and not all(one.container_hostname for one in spec.containers):
        raise SettingError(
            f"{file}: inference_execution_config of mode Direct needs a container_hostname for every container"
        )
    return assemble(parts, chosen, where, fused=fused, verify=verify, recorded=recorded, direct=direct)


def assemble(
    parts: Iterable[Part],
    settings: Settings,
    hosting: Hosting,
    *,
    fused: bool = True,
    verify: bool = True,
    recorded: EndToEnd | None = None,
    direct: bool = False,
) -> Pipeline:
    """Load containers and chain them, or with ``direct`` put them side by side.

    With ``verify`` all parity rows are replayed before it is given out.

    ArtifactError, UnsupportedError and ParityError name the container and what is wrong with its model.
    """
    containers: list[Container] = []
    try:
        for part in parts:
            with told_by(part.name):
                trusting = replace(settings, trust=settings.trust | part.trust)
                containers.append(LOADERS[part.runtime](part, trusting, hosting))
        strict = settings.strict
        pipeline = Pipeline(containers, fused=fused, recorded=recorded, strict=strict, direct=direct)
        if verify:
            pipeline.verify()
    except BaseException:
        for container in containers:
            container.close()
        raise
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


def parts_of(
    file: Path, spec: PipelineSpec, settings: Settings, registered: Collection[str] = ()
) -> Iterator[Part]:
    """The document's containers in order, their models read but not looked into."""
    for number, one in enumerate(spec.containers, start=1):
        name = one.container_hostname or f"container-{number}"
        with told_by(name):
            runtime = runtime_of(one.image, registered)
            image = str((file.parent / one.image).absolute()) if is_path(one.image) else one.image
            files = _model(file.parent, one, runtime, settings)
            environment = _environment(one.environment)
            _check_fetched(environment)
            yield Part(name, runtime, files, environment, Trust.of(one.trust), image)


def _model(folder: Path, one: ContainerSpec, runtime: str, settings: Settings) -> Files:
    if one.model_data is not None:
        return read_files(_local(folder, one.model_data), limits=settings)
    if runtime != PROCESS:
        raise SettingError(f"image {one.image!r} needs model_data", hint=f"It looks like: {EXAMPLE}")
    return Files("no model data", {})


def _check_fetched(environment: Mapping[str, str]) -> None:
    script = environment.get(SUBMIT_DIRECTORY, "")
    if _ADDRESS.match(script) and not script.startswith("file://"):
        raise UnsupportedError(
            f"{SUBMIT_DIRECTORY} {script!r} is an address, and nothing is fetched",
            hint="Put the script into the folder code of the model data, and leave the variable out.",
        )


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
