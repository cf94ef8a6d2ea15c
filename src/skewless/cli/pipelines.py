"""``skewless serve``, ``predict``, ``transform`` and ``verify``: what one does with a ``pipeline.yaml``."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from skewless.errors import SettingError
from skewless.lazy import resolve

# What each command needs is imported when it runs, so that none pays for the others.
LAZY: Final = {
    "explain": "skewless.containers.pipeline:explain",
    "load_pipeline": "skewless.containers.load:load_pipeline",
    "serve": "skewless.serving.server:serve",
    "settings": "skewless.settings:Settings",
    "sources": "skewless.jobs.batch:sources",
    "transform": "skewless.jobs.batch:transform",
}

PipelineFile = Annotated[Path, typer.Argument(metavar="PIPELINE", help="A pipeline.yaml.")]
ContentType = Annotated[
    str | None, typer.Option("--content-type", help="What the input is; by its name where not given.")
]
Accept = Annotated[str | None, typer.Option("--accept", help="What the answer shall be.")]

_BY_SUFFIX: Final = {".json": "application/json", ".jsonl": "application/jsonlines"}


def add_to(app: typer.Typer) -> None:
    """Enter the commands."""
    for command in (serve, predict, transform, verify):
        app.command()(command)


def serve(
    pipeline: PipelineFile,
    port: Annotated[int, typer.Option(envvar="SAGEMAKER_BIND_TO_PORT", help="0 picks a free one.")] = 8080,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """Serve a pipeline: GET /ping, POST /invocations, GET /execution-parameters."""
    started = time.perf_counter()

    def ready(loaded: Any, bound: int) -> None:
        rows = sum(_parity_rows(loaded).values())
        names = " → ".join(container.runtime for container in loaded.containers)
        for container in loaded.containers:
            for note in getattr(container, "notes", ()):
                print(f"warning: {note}", file=sys.stderr)
        print(
            f"{names} on http://{host}:{bound}/invocations "
            f"({rows:,} parity rows replayed; ready in {time.perf_counter() - started:.2f} s)",
            flush=True,
        )

    resolve(LAZY["serve"])(pipeline, host=host, port=port, workers=workers, on_ready=ready)


def _parity_rows(pipeline: Any) -> dict[str, int]:
    replayed: dict[str, int] = pipeline.replayed
    return replayed


def predict(
    pipeline: PipelineFile,
    file: Annotated[str, typer.Argument(help="A file with the request's body, or - for standard input.")] = "-",
    content_type: ContentType = None,
    accept: Accept = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what every container and stage makes of the rows.")
    ] = False,
) -> None:
    """Send one body through a pipeline and print the answer."""
    body = _read(file)
    kind = content_type or _BY_SUFFIX.get(Path(file).suffix, "text/csv")
    with resolve(LAZY["load_pipeline"])(pipeline) as loaded:
        if explain:
            _explain(loaded, body, kind)
        answer, _ = loaded.invoke(body, kind, accept)
    sys.stdout.buffer.write(answer if answer.endswith(b"\n") else answer + b"\n")


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise SettingError(f"{file} cannot be read: {error.strerror}") from None


def _explain(loaded: Any, body: bytes, kind: str) -> None:
    table = Table("container", "stage", "column", "values", title="What every stage made of the rows")
    previous = None
    for container, stage, column, values in resolve(LAZY["explain"])(loaded, body, kind):
        shown = values.decode(errors="replace").strip() if isinstance(values, bytes) else _values(values)
        table.add_row(container if container != previous else "", stage, column, shown)
        previous = container
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _values(values: list[Any]) -> str:
    return "\n".join(map(str, values[:8])) + (f"\n… {len(values):,} rows" if len(values) > 8 else "")


def transform(
    pipeline: PipelineFile,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT…", help="Files, or folders of files.")],
    output: Annotated[Path, typer.Option(help="The folder for the answers; FILE gives FILE.out.")],
    content_type: ContentType = None,
    accept: Accept = None,
) -> None:
    """Send files of records through a pipeline: one output line for each input line, in order."""
    found = resolve(LAZY["sources"])(inputs)
    kind = content_type or _BY_SUFFIX.get(found[0].path.suffix, "text/csv")
    longest = resolve(LAZY["settings"]).read().max_payload
    started = time.perf_counter()
    columns = (TextColumn("{task.fields[rows]:,} rows"), BarColumn(), TimeRemainingColumn())
    with resolve(LAZY["load_pipeline"])(pipeline) as loaded, Progress(
        *columns, console=Console(stderr=True), disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task("", total=sum(source.size for source in found), rows=0)
        rows = 0

        def done(size: int, more: int) -> None:
            nonlocal rows
            rows += more
            progress.update(task, advance=size, rows=rows)

        report = resolve(LAZY["transform"])(
            loaded, found, output, content_type=kind, accept=accept, longest=longest, on_bytes=done
        )
    seconds = time.perf_counter() - started
    # Linux tells the peak in KiB.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{report.rows:,} rows in {seconds:.2f} s ({report.rows / seconds:,.0f} rows/s), "
        f"peak memory {peak:.0f} MiB, {len(report.written)} of {len(found)} files written to {output}"
    )
    for path, error in report.failed:
        print(f"error: {path}: {error}", file=sys.stderr)
    if report.failed:
        raise typer.Exit(1)


def verify(pipeline: PipelineFile) -> None:
    """Replay all parity rows: does this pipeline still do what was fitted and trained?"""
    with resolve(LAZY["load_pipeline"])(pipeline) as loaded:
        for name, rows in _parity_rows(loaded).items():
            told = f"{rows:,} parity rows equal, bit for bit" if rows else "it carries no parity rows"
            print(f"{name}: {told}")
