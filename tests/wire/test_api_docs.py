"""The page of the API says what there is, and what is declared is in the models."""

from __future__ import annotations

import pytest

from skewless.aws import api_docs
from skewless.aws.model import Shape, service
from skewless.aws.signature import Fault
from skewless.control.operations import OPERATIONS
from tests.conftest import ROOT


def test_the_page_is_up_to_date() -> None:
    page = api_docs.page()
    assert (ROOT / api_docs.PAGE).read_text() == page, f"run: {api_docs.COMMAND} > {api_docs.PAGE}"
    assert "generated" in page.partition("\n")[0]


def test_every_operation_and_fault_is_on_it() -> None:
    page = api_docs.page()
    assert [name for _, name in OPERATIONS if f"- `{name}`" not in page] == []
    assert set(api_docs._TITLES) == set(Fault)


def leads_somewhere(shape: Shape, path: list[str]) -> bool:
    """Whether members of these names lie in each other; lists are looked through, and a text may hold a document."""
    while shape.kind in ("list", "map"):
        shape = shape.member if shape.kind == "list" else shape.value
    if not path or shape.kind == "string":
        return True
    return path[0] in shape.members and leads_somewhere(shape.members[path[0]], path[1:])


@pytest.mark.parametrize(
    ("of", "name"), sorted(key for key, declared in OPERATIONS.items() if declared.ignores)
)
def test_what_is_ignored_exists(of: str, name: str) -> None:
    asked = service(of).operation(name).input
    assert asked is not None
    assert [
        path for path in OPERATIONS[of, name].ignores if not leads_somewhere(asked, path.split("."))
    ] == []
