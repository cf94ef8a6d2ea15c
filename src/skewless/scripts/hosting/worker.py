"""A worker, ``python -m skewless.scripts.hosting.worker DESCRIPTOR``: it holds the model and runs the functions.

It asks the socket of that number for requests, one after the other, until the server has gone.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import NoReturn

from skewless.errors import SkewlessError
from skewless.lifetime import end_with_parent
from skewless.scripts.hosting.failures import Failed, summary, trace
from skewless.scripts.hosting.functions import Functions
from skewless.scripts.hosting.script import load_script
from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.hosting.wire import SAID, Ask, Ready, frame, read_asked
from skewless.scripts.toolkit.errors import UserError


def main(descriptor: int) -> None:
    """Load, tell that it is done, answer. Exit status `SAID` where the script cannot be loaded."""
    end_with_parent()
    os.set_inheritable(descriptor, False)
    with socket.socket(fileno=descriptor) as connection:
        hosting = Hosting.read()
        logging.basicConfig(
            format="%(asctime)s %(levelname)s - %(name)s - %(message)s", level=hosting.log_level
        )
        functions = _load(hosting)
        connection.sendall(frame(Ready(functions.has_parameters)))
        while (asked := read_asked(connection)) is not None:
            answer = functions.answer(asked) if isinstance(asked, Ask) else functions.parameters()
            connection.sendall(frame(answer))


def _load(hosting: Hosting) -> Functions:
    try:
        script = load_script(hosting)
    except (SkewlessError, UserError) as error:
        _end(None, str(error))
    except BaseException as error:
        _end(error, str(Failed(f"the import of {hosting.name}", True, error)))
    try:
        return Functions(script, hosting)
    except Failed as failed:
        _end(failed.error, str(failed))
    except (SkewlessError, NotImplementedError) as error:
        _end(None, f"{hosting.name}: {summary(error) if isinstance(error, NotImplementedError) else error}")


def _end(error: BaseException | None, why: str) -> NoReturn:
    """Say why in the last line that is printed."""
    sys.stdout.flush()
    if error is not None:
        sys.stderr.write("".join(trace(error)))
    print(f"error: {why}", file=sys.stderr, flush=True)
    sys.exit(SAID)


if __name__ == "__main__":
    main(int(sys.argv[1]))
