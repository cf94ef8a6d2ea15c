"""The inputs and outputs of a processing job: objects to files before the program, files to objects after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Event, Thread
from typing import Any, Final

import msgspec

from skewless.blobs import BlobError, Blobs
from skewless.errors import SettingError, SkewlessError, UnsupportedError

PROCESSING: Final = PurePosixPath("/opt/ml/processing")
_PERIOD: Final = 2.0
"""Seconds between two looks for what a Continuous output has to upload."""


@dataclass(frozen=True, slots=True)
class Output:
    """A folder whose files become objects."""

    folder: Path
    uri: str
    continuous: bool


def fetch_inputs(blobs: Blobs, given: Sequence[Mapping[str, Any]], root: Path) -> None:
    """Write every input to its place below ``root``, which stands for ``/``. SkewlessError names one that fails."""
    for one in given:
        name, source = one["InputName"], one.get("S3Input")
        if one.get("DatasetDefinition") or not source:
            raise UnsupportedError(f"input {name} is no S3Input", hint="Put the data into a bucket.")
        folder = _place(root, f"input {name}", source.get("LocalPath") or f"{PROCESSING}/input/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        if one.get("AppManaged"):
            continue
        _check(name, source)
        if source.get("S3DataType") == "ManifestFile":
            _fetch_listed(blobs, name, source["S3Uri"], folder)
        elif not blobs.download_prefix(source["S3Uri"], folder):
            raise SettingError(
                f"input {name}: there are no objects under {source['S3Uri']}",
                hint=f"See what is there: aws s3 ls --recursive {source['S3Uri']}",
            )


def _check(name: str, source: Mapping[str, Any]) -> None:
    for member, refused, hint in (
        ("S3InputMode", "Pipe", "Use File."),
        ("S3CompressionType", "Gzip", "Use None, and read the compressed files in the script."),
    ):
        if source.get(member) == refused:
            raise UnsupportedError(f"input {name}: {member} {refused} is not supported", hint=hint)


def _fetch_listed(blobs: Blobs, name: str, uri: str, folder: Path) -> None:
    """A manifest is a JSON list: an object with the common prefix, then keys below it."""
    try:
        first, *keys = msgspec.json.decode(blobs.read(uri), type=list[dict[str, str] | str])
        prefix = first["prefix"]  # type: ignore[index]
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        raise SettingError(
            f"input {name}: {uri} is no manifest: {error}", hint='Write [{"prefix": "s3://…/"}, "key", …].'
        ) from None
    for key in keys:
        if not isinstance(key, str) or ".." in PurePosixPath(key).parts or key.startswith("/"):
            raise SettingError(f"input {name}: {uri} has {key!r} where a key below the prefix must stand")
        blobs.download(prefix + key, folder / key)


def make_outputs(given: Sequence[Mapping[str, Any]], root: Path) -> list[Output]:
    """The folders of the outputs, made; those that the program manages itself are not among what is given back."""
    outputs = []
    for one in given:
        name, target = one["OutputName"], one.get("S3Output")
        if one.get("FeatureStoreOutput") or not target:
            raise UnsupportedError(f"output {name} is no S3Output", hint="Give it an S3Output.")
        folder = _place(root, f"output {name}", target.get("LocalPath") or f"{PROCESSING}/output/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        if not one.get("AppManaged"):
            continuous = target.get("S3UploadMode") == "Continuous"
            outputs.append(Output(folder, target["S3Uri"].rstrip("/"), continuous))
    return outputs


def _place(root: Path, what: str, path: str) -> Path:
    place = PurePosixPath(path)
    if PROCESSING not in place.parents or ".." in place.parts:
        raise SettingError(f"{what}: LocalPath {path} is not below {PROCESSING}")
    return root / place.relative_to("/")


class Uploads:
    """Uploads outputs, each file when it is new or has changed since."""

    def __init__(self, blobs: Blobs, outputs: Sequence[Output]) -> None:
        self._blobs = blobs
        self._outputs = outputs
        self._seen: dict[Path, tuple[int, int]] = {}
        self._links: set[Path] = set()
        self._done = Event()
        self._thread = Thread(target=self._now_and_then)
        self._error: SkewlessError | None = None

    def __enter__(self) -> Uploads:
        """Upload Continuous outputs from now on."""
        if any(output.continuous for output in self._outputs):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()

    def pass_over(self) -> None:
        """What is there now has come from the bucket, and is not uploaded before it changes."""
        self._seen |= {file: _state(file) for output in self._outputs for file in self._files(output.folder)}

    def finish(self, *, everything: bool) -> None:
        """Upload what is left: of all outputs, or of Continuous ones. SkewlessError, also for what failed before."""
        self.__exit__()
        if self._error is not None:
            raise self._error
        self._upload([output for output in self._outputs if everything or output.continuous])

    def forget(self) -> None:
        """Delete the objects of files that were uploaded and are gone since. BlobError."""
        for output in self._outputs:
            for file in [
                file for file in self._seen if file.is_relative_to(output.folder) and not file.exists()
            ]:
                self._blobs.delete(f"{output.uri}/{file.relative_to(output.folder).as_posix()}")
                del self._seen[file]

    def _now_and_then(self) -> None:
        while not self._done.wait(_PERIOD):
            try:
                self._upload([output for output in self._outputs if output.continuous])
            except FileNotFoundError:
                continue  # a folder that was just listed is gone; the next look sees what there is
            except SkewlessError as error:
                self._error = error
                return

    def _upload(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            for file in self._files(output.folder):
                key = file.relative_to(output.folder).as_posix()
                try:
                    state = _state(file)
                    if self._seen.get(file) != state:
                        self._blobs.upload(file, f"{output.uri}/{key}")
                        self._seen[file] = state
                except (FileNotFoundError, BlobError):
                    # Programs that keep only their newest files delete others at any time.
                    if file.exists():
                        raise

    def _files(self, folder: Path) -> Iterator[Path]:
        """Regular files. Links are none: where they point to is another place outside the job's private folders."""
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                if path not in self._links:
                    print(f"skewless: {path.relative_to(folder)} is a link and is not uploaded", flush=True)
                    self._links.add(path)
            elif path.is_file():
                yield path


def _state(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size
