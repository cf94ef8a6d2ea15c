"""Pages: complete, in order, whatever comes and goes in between; tokens of another list or by hand are refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from skewless.control.errors import ServiceError
from skewless.control.pages import few, milliseconds, page, sagemaker_page
from skewless.control.plane import Members, Plane
from skewless.store.tables import ENDPOINTS, MODELS
from tests.planes import plane as a_plane

SORTS = {"CreationTime": ENDPOINTS.c.created, "Name": ENDPOINTS.c.name, "Status": ENDPOINTS.c.status}


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with a_plane(tmp_path) as made:
        yield made


@pytest.fixture
def each_plane(tmp_path: Path, database_url: str) -> Iterator[Plane]:
    """On each kind of database: they compare texts and rows in ways of their own."""
    with a_plane(tmp_path, url=database_url) as made:
        yield made


def refusal() -> ServiceError:
    return ServiceError("BadToken", "no")


def add_models(plane: Plane, names: list[str], created: int = 0) -> None:
    rows = [{"name": name, "arn": name, "created": created, "request": {}} for name in names]
    with plane.store.begin() as connection:
        connection.execute(insert(MODELS), rows)


def models(
    plane: Plane, token: str | None, *, size: int = 2, scope: Any = "all", **more: Any
) -> tuple[list[str], str | None]:
    with plane.store.begin() as connection:
        rows, following = page(
            connection,
            select(MODELS),
            [MODELS.c.created, MODELS.c.name],
            size=size,
            token=token,
            scope=scope,
            refusal=refusal(),
            **more,
        )
    return [row.name for row in rows], following


def add_endpoints(plane: Plane) -> None:
    """Three statuses, times that repeat, names that differ in their letters' case."""
    rows = [
        {
            "name": name,
            "arn": name,
            "status": ("InService", "Creating", "Failed")[number % 3],
            "created": 1000 * (number // 2),
            "modified": 5000 - number,
            "rescale": False,
        }
        for number, name in enumerate(["b", "a", "Car-1", "car-2", "x_y", "xzy"])
    ]
    with plane.store.begin() as connection:
        connection.execute(insert(ENDPOINTS), rows)


def endpoints(plane: Plane, **request: Any) -> list[str]:
    """The names of all pages."""
    found: list[str] = []
    asked: Members = request
    while True:
        with plane.store.begin() as connection:
            rows, token = sagemaker_page(connection, "ListEndpoints", ENDPOINTS, asked, SORTS)
        found += [row.name for row in rows]
        if token is None:
            return found
        asked = request | {"NextToken": token}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_pages_hold_everything_once(plane: Plane, size: int, descending: bool) -> None:
    add_models(plane, list("cab"), created=5)
    add_models(plane, list("fgde"), created=3)
    found, token = models(plane, None, size=size, descending=descending)
    while token:
        more, token = models(plane, token, size=size, descending=descending)
        assert 0 < len(more) <= size
        found += more
    assert "".join(found) == ("cbagfed" if descending else "defgabc")


def test_what_comes_and_goes_between_pages_moves_nothing_else(each_plane: Plane) -> None:
    add_models(each_plane, list("bdfh"))
    first, token = models(each_plane, None)
    with each_plane.store.begin() as connection:
        connection.execute(delete(MODELS).where(MODELS.c.name == "d"))
    add_models(each_plane, ["a", "g"])
    second, token = models(each_plane, token)
    assert (first, second, models(each_plane, token)) == (["b", "d"], ["f", "g"], (["h"], None))


@pytest.mark.parametrize("token", ["x", "é", "!!!!", "AAAA", base64.b64encode(b"[1]" * 9).decode()])
def test_a_token_by_hand_is_refused(plane: Plane, token: str) -> None:
    with pytest.raises(ServiceError) as caught:
        models(plane, token)
    assert caught.value.code == "BadToken"


def test_a_changed_token_or_one_of_another_list_is_refused(plane: Plane) -> None:
    add_models(plane, list("abc"))
    token = models(plane, None)[1]
    assert token
    for place in range(0, len(token) - 1, 5):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(ServiceError):
            models(plane, changed)
    with pytest.raises(ServiceError):
        models(plane, token, scope="another")
    assert models(plane, token) == (["c"], None)


@given(st.lists(st.text(max_size=20)), st.integers(1, 5))
def test_short_lists_in_pages(items: list[str], size: int) -> None:
    found, token = few(items, size=size, token=None, scope="it", refusal=refusal())
    while token:
        assert len(token) <= 320  # what IAM takes for a Marker
        more, token = few(items, size=size, token=token, scope="it", refusal=refusal())
        found += more
    assert found == items


def test_sagemaker_order_is_newest_first_unless_told_otherwise(each_plane: Plane) -> None:
    add_endpoints(each_plane)
    assert endpoints(each_plane, MaxResults=1) == ["xzy", "x_y", "car-2", "Car-1", "b", "a"]
    assert endpoints(each_plane, SortOrder="Ascending", MaxResults=4) == [
        "a",
        "b",
        "Car-1",
        "car-2",
        "x_y",
        "xzy",
    ]
    assert endpoints(each_plane, SortBy="Name", SortOrder="Ascending") == [
        "Car-1",
        "a",
        "b",
        "car-2",
        "x_y",
        "xzy",
    ]
    assert endpoints(each_plane, SortBy="Status", MaxResults=2) == ["car-2", "b", "xzy", "Car-1", "x_y", "a"]


def test_sagemaker_filters(each_plane: Plane) -> None:
    add_endpoints(each_plane)
    cases: tuple[tuple[Members, set[str]], ...] = (
        ({"NameContains": "CAR"}, {"Car-1", "car-2"}),
        ({"NameContains": "x_"}, {"x_y"}),
        ({"NameContains": "%"}, set()),
        ({"StatusEquals": "Failed"}, {"Car-1", "xzy"}),
        ({"CreationTimeAfter": 1.0}, {"x_y", "xzy"}),
        ({"CreationTimeBefore": datetime.fromtimestamp(1, UTC)}, {"b", "a"}),
        ({"LastModifiedTimeAfter": 4.997, "LastModifiedTimeBefore": 5.0}, {"a", "Car-1"}),
        ({"NameContains": "a", "StatusEquals": "InService"}, {"car-2"}),
    )
    for members, names in cases:
        found = endpoints(each_plane, MaxResults=1, **members)
        assert set(found) == names, members
        assert len(found) == len(names)


def test_a_sagemaker_token_holds_for_its_filters_only(plane: Plane) -> None:
    add_endpoints(plane)
    with plane.store.begin() as connection:
        token = sagemaker_page(connection, "ListEndpoints", ENDPOINTS, {"MaxResults": 1}, SORTS)[1]
        asked = {"NextToken": token, "NameContains": "a"}
        with pytest.raises(ServiceError) as caught:
            sagemaker_page(connection, "ListEndpoints", ENDPOINTS, asked, SORTS)
    assert caught.value.code == "ValidationException"
    assert "NextToken" in caught.value.message


def test_times_of_requests() -> None:
    assert milliseconds(1.5) == milliseconds(datetime.fromtimestamp(1.5, UTC)) == 1500
