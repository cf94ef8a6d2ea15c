"""``skewless serve``, ``predict``, ``transform`` and ``verify``: what one does with a ``pipeline.yaml``."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from skewless.errors import SettingError
from skewless.lazy import resolve
from skewless.trust import Trust

# What each command needs is imported when it runs, so that none pays for the others.
LAZY: Final = {
    "explain": "skewless.containers.pipeline:explain",
    "keep_pandas_out": "skewless.serving.lean:keep_pandas_out",
    "load_pipeline": "skewless.containers.load:load_pipeline",
    "progress": "skewless.cli.screen:progress",
    "serve": "skewless.serving.server:serve",
    "settings": "skewless.settings:Settings",
    "show_steps": "skewless.cli.screen:show_steps",
    "sources": "skewless.jobs.batch:sources",
    "transform": "skewless.jobs.batch:transform",
}

_PATH: Final[Any] = click.Path(path_type=Path)

pipeline_file: Final = click.argument("pipeline", type=_PATH)
content_type_option: Final = click.option(
    "--content-type", help="What the input is; by its name where not given."
)
accept_option: Final = click.option("--accept", help="What the answer shall be.")
trust_option: Final = click.option(
    "--trust",
    multiple=True,
    metavar="HASH|all",
    help="Let the code of this SHA-256 in the models run; repeatable.",
)

_BY_SUFFIX: Final = {
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".parquet": "application/x-parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".feather": "application/vnd.apache.arrow.file",
    ".arrows": "application/vnd.apache.arrow.stream",
}
_CSV: Final = "text/csv"


@click.command
@pipeline_file
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    envvar="SAGEMAKER_BIND_TO_PORT",
    show_envvar=True,
    help="0 picks a free one.",
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--workers", type=click.IntRange(1), default=1, help="Processes that share the port.")
@trust_option
def serve(pipeline: Path, port: int, host: str, workers: int, trust: Sequence[str]) -> None:
    """Serve a pipeline: GET /ping, POST /invocations, GET /execution-parameters.

    PIPELINE is a pipeline.yaml.
    """
    started = time.perf_counter()

    def ready(loaded: Any, bound: int) -> None:
        _warn(loaded)
        rows = sum(loaded.replayed.values())
        names = " → ".join(container.runtime for container in loaded.containers)
        shown = f"[{host}]" if ":" in host else host
        print(
            f"{names} on http://{shown}:{bound}/invocations "
            f"({rows:,} parity rows replayed; ready in {time.perf_counter() - started:.2f} s)",
            flush=True,
        )

    resolve(LAZY["serve"])(
        pipeline, host=host, port=port, workers=workers, settings=_settings(trust), on_ready=ready
    )


def _settings(trust: Sequence[str]) -> Any:
    """What the environment says, with more trust."""
    read = resolve(LAZY["settings"]).read()
    return replace(read, trust=read.trust | Trust.of(trust, "--trust"))


def _load(pipeline: Path, trust: Sequence[str]) -> Any:
    """The pipeline, verified."""
    resolve(LAZY["keep_pandas_out"])()
    loaded = resolve(LAZY["load_pipeline"])(pipeline, settings=_settings(trust))
    _warn(loaded)
    return loaded


def _warn(loaded: Any) -> None:
    for container in loaded.containers:
        for note in getattr(container, "notes", ()):
            print(f"warning: {note}", file=sys.stderr)


@click.command
@pipeline_file
@click.argument("file", default="-")
@content_type_option
@accept_option
@click.option("--explain", is_flag=True, help="Print what every container and stage makes of the rows.")
@trust_option
def predict(
    pipeline: Path,
    file: str,
    content_type: str | None,
    accept: str | None,
    explain: bool,
    trust: Sequence[str],
) -> None:
    """Send one body through a pipeline and print the answer.

    PIPELINE is a pipeline.yaml; FILE has the request's body, and is standard input where it is - or left out.
    """
    with _load(pipeline, trust) as loaded:
        body = _read(file)
        kind = content_type or _kind_of(Path(file))
        if explain:
            resolve(LAZY["show_steps"])(resolve(LAZY["explain"])(loaded, body, kind))
        answer = loaded.invoke(body, kind, accept)
    if answer.skipped:
        print(f"skipped rows: {', '.join(map(str, answer.skipped))}", file=sys.stderr)
    _write(answer.body if answer.body.endswith(b"\n") else answer.body + b"\n")


def _write(answer: bytes) -> None:
    sys.stdout.flush()
    rest = memoryview(answer)
    while rest:  # with PYTHONUNBUFFERED, one call may write a part only
        rest = rest[sys.stdout.buffer.write(rest) :]


def _read(file: str) -> bytes:
    if file == "-":
        if sys.stdin.isatty():
            print("Type the records; end with Ctrl-D.", file=sys.stderr)
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingError(
            f"{file} cannot be read: {error.strerror}",
            hint="Give a file with records, or - for standard input.",
        ) from None


def _kind_of(path: Path) -> str:
    return _BY_SUFFIX.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix, _CSV)


def _kind_of_all(paths: list[Path]) -> str:
    first = _kind_of(paths[0])
    for path in paths:
        if _kind_of(path) != first:
            raise SettingError(
                f"{paths[0]} looks like {first}, but {path} like {_kind_of(path)}",
                hint="Transform them one after the other, or say what all of them are with --content-type.",
            )
    return first


@click.command
@pipeline_file
@click.argument("inputs", type=_PATH, nargs=-1, required=True, metavar="INPUT…")
@click.option("--output", type=_PATH, required=True, help="The folder for the answers; FILE gives FILE.out.")
@content_type_option
@accept_option
@trust_option
def transform(
    pipeline: Path,
    inputs: Sequence[Path],
    output: Path,
    content_type: str | None,
    accept: str | None,
    trust: Sequence[str],
) -> None:
    """Send files of records through a pipeline: one output line for each input line, in order.

    PIPELINE is a pipeline.yaml; INPUT are files, or folders of files. Lines of rows that a stage drops have none;
    their numbers are written to FILE.out.skipped. Parquet and Arrow files may come in, with columns by name, and go out
    (--accept application/x-parquet, application/vnd.apache.arrow.file or .stream).
    """
    found = resolve(LAZY["sources"])(inputs)
    kind = content_type or _kind_of_all([source.path for source in found])
    longest = resolve(LAZY["settings"]).read().max_payload
    started = time.perf_counter()
    with (
        _load(pipeline, trust) as loaded,
        resolve(LAZY["progress"])(sum(one.size for one in found)) as advance,
    ):
        report = resolve(LAZY["transform"])(
            loaded, found, output, content_type=kind, accept=accept, longest=longest, on_bytes=advance
        )
    seconds = time.perf_counter() - started
    # Linux tells the peak in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{report.rows:,} rows in {seconds:.2f} s ({report.rows / seconds:,.0f} rows/s), "
        f"peak memory {peak:.0f} MiB, {len(report.written)} of {len(found)} files written to {output}"
    )
    if report.skipped:
        print(
            f"{report.skipped:,} rows were skipped by the pipeline; their line numbers are in the .skipped files "
            "beside the answers"
        )
    for path, error in report.failed:
        print(f"error: {path}: {error}", file=sys.stderr)
    if report.failed:
        raise click.exceptions.Exit(1)


@click.command
@pipeline_file
@trust_option
def verify(pipeline: Path, trust: Sequence[str]) -> None:
    """Replay all parity rows: does this pipeline still do what was fitted and trained?

    PIPELINE is a pipeline.yaml.
    """
    with _load(pipeline, trust) as loaded:
        for name, rows in loaded.replayed.items():
            told = f"{rows:,} parity rows equal, bit for bit" if rows else "it carries no parity rows"
            print(f"{name}: {told}")
