"""``skewless``: the commands gathered, and errors turned into one clear line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

import click

from skewless.errors import SkewlessError
from skewless.lazy import resolve

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "skewless.cli.pipelines:serve",
    "predict": "skewless.cli.pipelines:predict",
    "transform": "skewless.cli.pipelines:transform",
    "verify": "skewless.cli.pipelines:verify",
    "explain": "skewless.cli.explain:explain",
    "train": "skewless.cli.train:train",
    "datasets": "skewless.cli.datasets:datasets",
    "images": "skewless.cli.images:images",
    "up": "skewless.cli.up:up",
    "down": "skewless.cli.up:down",
    "status": "skewless.cli.up:status",
    "env": "skewless.cli.up:env",
}
"""Each command, in the order in which the help shows them; its module is imported when it is asked for."""


class _Commands(click.Group):
    """The table above as click has a group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command: click.Command | None = resolve(COMMANDS[cmd_name]) if cmd_name in COMMANDS else None
        return command


@click.command(cls=_Commands, context_settings={"show_default": True, "max_content_width": 120})
def app() -> None:
    """Inference pipelines you own: fit, train, serve and batch, with proof that serving does what training did."""


def main() -> None:
    """Entry point. Exit status 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    # A terminal that cannot show a character of ours, or of a file's name, gets a question mark.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            with app.make_context("skewless", sys.argv[1:]) as context:
                app.invoke(context)
        finally:
            sys.stdout.flush()
        sys.exit(0)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SkewlessError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        # A disk that is full, a folder that may not be written: the machine's state, not a defect.
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
