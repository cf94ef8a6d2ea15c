"""Flask's Response, which scripts of the scikit-learn container answer with. Flask itself is not here."""

from typing import Any

from skewless.scripts.toolkit.response import FlaskResponse as Response

__all__ = ["Response"]


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"flask.{name} is not there: where flask is not installed, only its Response is. "
        "Name flask in the script's requirements.txt."
    )
