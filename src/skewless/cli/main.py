"""``skewless``: the commands gathered, and errors turned into one clear line."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

import typer

from skewless.cli import datasets, explain, images, pipelines, train, up
from skewless.errors import SkewlessError

app = typer.Typer(
    name="skewless",
    help="Inference pipelines you own: fit, train, serve and batch, with proof that serving does what training did.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets.app, name="datasets")
app.add_typer(train.app, name="train")
app.add_typer(images.app, name="images")
pipelines.add_to(app)
up.add_to(app)
app.command()(explain.explain)


def main() -> None:
    """Entry point. Exit status 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted."""
    # A terminal that cannot show a character of ours, or of a file's name, gets a question mark.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
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
