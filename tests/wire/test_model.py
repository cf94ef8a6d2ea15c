"""The facade over botocore, and the models' patterns as Python has them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from skewless.aws.model import SCOPES, Shape, service
from skewless.aws.patterns import compiled
from skewless.control.operations import OPERATIONS
from tests.conftest import ROOT

SERVICES = sorted(name for names in SCOPES.values() for name in names)


def test_one_module_alone_imports_botocore() -> None:
    """Jobs may call the services with boto3, as users' scripts do; the models have one reader."""
    found = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "src/skewless/aws").rglob("*.py")
        if re.search(r"^\s*(?:from|import) boto", file.read_text(), re.MULTILINE)
    ]
    assert found == ["src/skewless/aws/model.py"]


def test_no_model_is_read_before_it_is_needed(tmp_path: Path) -> None:
    program = "import skewless.aws.front, skewless.aws.model as m; print(m.service.cache_info().currsize)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_what_its_model_says(name: str) -> None:
    found = service(name)
    assert found is service(name)
    assert found.full_name
    assert found.operation_names


def test_every_operation_is_in_its_services_model() -> None:
    assert OPERATIONS
    assert [(of, name) for of, name in OPERATIONS if name not in service(of).operation_names] == []


def _shapes(shape: Shape, seen: set[str]) -> list[Shape]:
    """All that a request is made of; a shape that holds itself is looked into once."""
    if shape.name in seen and shape.kind == "structure":
        return []
    seen.add(shape.name)
    inner = {
        "structure": lambda: list(shape.members.values()),
        "list": lambda: [shape.member],
        "map": lambda: [shape.key, shape.value],
    }.get(shape.kind, list)()
    return [shape, *(below for part in inner for below in _shapes(part, seen))]


@pytest.mark.parametrize(("of", "name"), sorted(OPERATIONS))
def test_every_pattern_can_be_said(of: str, name: str) -> None:
    asked = service(of).operation(name).input
    for shape in _shapes(asked, set()) if asked else []:
        if shape.pattern is not None:
            assert shape.matcher is not None
        assert all(member in shape.members for member in shape.required)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("[a-zA-Z0-9](-*[a-zA-Z0-9])*", ["a", "a--b"], ["", "-a", "a-", "a\n", "xa!"]),
        (".*", ["", "x ü"], ["a\nb"]),
        ("[\\S\\s]*", ["a\nb"], []),
        ("[\\w+=,.@-]+", ["a_b"], ["ü", "a b"]),
        ("([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)", ["Grüße 漢 ١", ""], ["a!", "a&"]),
        ("\\p{ASCII}*", ["a~\t"], ["ü"]),
        ("\\A\\S[\\p{Print}]*\\z", ["ab c"], [" a", "a\tb"]),
        ("arn:[\\p{Alnum}\\-]+:x", ["arn:aws-cn:x"], ["arn:ä:x"]),
        (
            "[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\t]*",
            ["a\t", "😀", "ü"],
            ["a\n", "\x00", "\ufffe"],
        ),
        ("[\\w-_]*", ["a-_"], ["a b"]),
        ("^([\\p{L}]+)$", ["ab"], ["ab\n", "a b"]),
        ("([a-z]*)${1,128}", ["", "ab"], ["aB"]),
        ("(?!aws:)[a-z:]*", ["a:"], ["aws:x"]),
        ("[^\\p{L}x]+", ["12 "], ["a", "x"]),
    ],
)
def test_javas_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not compiled(pattern).fullmatch(text)] == []
    assert [text for text in bad if compiled(pattern).fullmatch(text)] == []


def test_a_category_that_unicode_does_not_have() -> None:
    with pytest.raises(re.error, match="category"):
        compiled("\\p{Xyz}")
