"""``skewless images``: programs of one's own that have a name as an image."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from skewless.cli.up import DEFAULT, DataDirOption
from skewless.containers.images import NAME, RUNTIMES
from skewless.containers.process.registered import Registered, changed_images, read_images
from skewless.errors import SettingError

app = typer.Typer(help="Programs of your own as images of containers.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What it is called in pipeline.yaml and CreateModel.")],
    command: Annotated[
        str, typer.Option(help="How it is started; it answers GET /ping and POST /invocations.")
    ],
    health_timeout: Annotated[
        int | None, typer.Option(min=1, help="Seconds until it must answer its first ping (240).")
    ] = None,
    memory: Annotated[
        int | None, typer.Option(min=1, metavar="MB", help="The most memory that it may use (4096).")
    ] = None,
    data_dir: DataDirOption = DEFAULT,
) -> None:
    """Give a program a name, or give the name to another program."""
    _check_name(name)
    words = _words(command)
    with changed_images(data_dir) as images:
        images[name] = Registered(words, health_timeout, memory)
    print(f"{name} is {shlex.join(words)}")


@app.command("list")
def list_(data_dir: DataDirOption = DEFAULT) -> None:
    """Show the programs that have a name."""
    images = read_images(data_dir)
    if not images:
        print('There are none. Add one: skewless images add NAME --command "…"')
        return
    width = max(map(len, images))
    for name, image in images.items():
        limits = [f"health timeout {image.health_timeout} s"] if image.health_timeout else []
        limits += [f"memory {image.memory_mb} MB"] if image.memory_mb else []
        told = f"  ({', '.join(limits)})" if limits else ""
        print(f"{name:{width}}  {shlex.join(image.command)}{told}")


@app.command()
def remove(name: str, data_dir: DataDirOption = DEFAULT) -> None:
    """Forget a name. What runs goes on running; what is started anew no longer finds it."""
    with changed_images(data_dir) as images:
        if name not in images:
            raise SettingError(
                f"there is no image {name!r}", hint=f"There are: {', '.join(images) or 'none'}."
            )
        del images[name]
    print(f"{name} is forgotten.")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise SettingError(
            f"{name!r} is no name for an image",
            hint="Use up to 63 small letters, digits, dots, dashes and underscores, a letter or digit first.",
        )
    if name in RUNTIMES:
        raise SettingError(f"{name!r} is a built-in image", hint="Choose another name.")


def _words(command: str) -> list[str]:
    """The command's words, its program by its whole path: containers run in folders of their own."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise SettingError(f"the command {command!r} cannot be read: {error}") from None
    found = shutil.which(words[0]) if words else None
    if found is None:
        raise SettingError(
            f"the command's program {words[0] if words else ''!r} is not there, or may not be run",
            hint="Give its path; and of its arguments the whole paths.",
        )
    return [str(Path(found).absolute()), *words[1:]]
