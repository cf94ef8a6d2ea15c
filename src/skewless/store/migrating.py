"""The schema brought up to date by Alembic, which is imported only where there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from skewless.errors import SettingError

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing. SettingError where the database is of a newer Skewless."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SettingError(
            f"the database at {connection.engine.url.render_as_string(hide_password=True)} is of a newer Skewless: "
            f"{error}",
            hint="Use the Skewless that wrote it, or another database.",
        ) from None
