"""Hyperparameters from a file: a JSON object or YAML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from skewless.errors import HyperparameterError, SettingError


def read_hyperparameters(path: Path) -> dict[str, Any]:
    """Names and values as the file has them, not yet validated. SettingError says why it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SettingError(f"the hyperparameters file {path} is not UTF-8 text") from None
    except OSError as error:
        raise SettingError(f"cannot read the hyperparameters file {path}: {error.strerror}") from None
    found = _from_json(path, text) if _is_json(path, text) else _from_yaml(path, text)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise SettingError(
            f"the hyperparameters file {path} is no object of names and values",
            hint='Write {"num_round": "100", "objective": "binary:logistic"}, or the same as YAML.',
        )
    return found


def _is_json(path: Path, text: str) -> bool:
    return path.suffix not in (".yaml", ".yml") and text.lstrip().startswith(("{", "["))


def _from_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise SettingError(
            f"the hyperparameters file {path} is no JSON: {error.msg} (line {error.lineno})"
        ) from None
    except RecursionError:
        raise SettingError(f"the hyperparameters file {path} is nested too deeply") from None


def _from_yaml(path: Path, text: str) -> Any:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if isinstance(node, yaml.MappingNode):
            _once([(str(key.value), None) for key, _ in node.value])
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise SettingError(f"the hyperparameters file {path} is no YAML: {problem}{line}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Both parsers would silently keep the last of two values."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise HyperparameterError(f"Hyperparameter {name}: given twice", hint="Keep one of them.")
        found[name] = value
    return found
