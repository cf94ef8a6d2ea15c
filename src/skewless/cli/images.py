"""``skewless images``: programs of one's own that have a name as an image."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import click

from skewless.cli.up import data_dir_option
from skewless.containers.images import NAME, RUNTIMES
from skewless.containers.process.registered import Registered, changed_images, read_images
from skewless.errors import SettingError


@click.group
def images() -> None:
    """Programs of your own as images of containers."""


@images.command()
@click.argument("name")
@click.option(
    "--command", required=True, help="How it is started; it answers GET /ping and POST /invocations."
)
@click.option(
    "--health-timeout", type=click.IntRange(1), help="Seconds until it must answer its first ping (240)."
)
@click.option(
    "--memory", type=click.IntRange(1), metavar="MB", help="The most memory that it may use (4096)."
)
@data_dir_option
def add(name: str, command: str, health_timeout: int | None, memory: int | None, data_dir: Path) -> None:
    """Give a program a name, or give the name to another program.

    NAME is what it is called in pipeline.yaml and CreateModel.
    """
    _check_name(name)
    words = _words(command)
    with changed_images(data_dir) as registered:
        registered[name] = Registered(words, health_timeout, memory)
    print(f"{name} is {shlex.join(words)}")


@images.command("list")
@data_dir_option
def list_(data_dir: Path) -> None:
    """Show the programs that have a name."""
    registered = read_images(data_dir)
    if not registered:
        print('There are none. Add one: skewless images add NAME --command "…"')
        return
    width = max(map(len, registered))
    for name, image in registered.items():
        limits = [f"health timeout {image.health_timeout} s"] if image.health_timeout else []
        limits += [f"memory {image.memory_mb} MB"] if image.memory_mb else []
        told = f"  ({', '.join(limits)})" if limits else ""
        print(f"{name:{width}}  {shlex.join(image.command)}{told}")


@images.command()
@click.argument("name")
@data_dir_option
def remove(name: str, data_dir: Path) -> None:
    """Forget a name. What runs goes on running; what is started anew no longer finds it."""
    with changed_images(data_dir) as registered:
        if name not in registered:
            raise SettingError(
                f"there is no image {name!r}", hint=f"There are: {', '.join(registered) or 'none'}."
            )
        del registered[name]
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
