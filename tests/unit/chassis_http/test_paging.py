"""Lists: every row once, page after page; a cursor works for the list and filters it was made for and no other."""

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.paging import decode_cursor, encode_cursor
from chassis.problem import Problem

LIST = "/api/v1/numbers"
KEY = b"k" * 32


async def walk(client: httpx.AsyncClient, limit: int) -> list[int]:
    found: list[int] = []
    path: str | None = f"{LIST}?limit={limit}"
    while path:
        answer = await client.get(path)
        found += [item["n"] for item in answer.json()["items"]]
        assert (answer.json()["next_cursor"] is None) == ("link" not in answer.headers)
        path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else None
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 200])
async def test_following_the_links_shows_every_row_once(client: httpx.AsyncClient, limit: int) -> None:
    assert await walk(client, limit) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_page_link_keeps_the_filters(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{LIST}?parity=odd&limit=2")
    assert "parity=odd" in answer.headers["link"]
    following = await client.get(answer.headers["link"].split(">")[0].lstrip("<"))
    assert following.status_code == 200


async def test_a_cursor_of_another_filter_is_refused(client: httpx.AsyncClient) -> None:
    cursor = (await client.get(f"{LIST}?parity=odd&limit=2")).json()["next_cursor"]
    answer = await client.get(f"{LIST}?parity=even&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "é", "A" * 500])
async def test_an_invented_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get(LIST, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


@given(position=st.integers(0, 200), flip=st.integers(1, 255))
def test_a_cursor_changed_in_any_byte_is_refused(position: int, flip: int) -> None:
    cursor = bytearray(encode_cursor([41, "V01"], KEY, "/list?"), "ascii")
    index = position % (len(cursor) - 1)  # the last character's low bits carry nothing
    cursor[index] ^= flip
    with pytest.raises(Problem) as refused:
        decode_cursor(cursor.decode("latin-1"), KEY, "/list?")
    assert refused.value.code == "bad_cursor"


def test_another_key_reads_nothing() -> None:
    cursor = encode_cursor([1], KEY, "/list?")
    with pytest.raises(Problem):
        decode_cursor(cursor, b"j" * 32, "/list?")


def test_a_cursor_carries_times_and_ids() -> None:
    moment, identity = datetime(2026, 11, 3, 9, 30, 0, 123456, UTC), UUID(int=7)
    values = decode_cursor(encode_cursor([moment, identity], KEY, "c"), KEY, "c")
    assert (datetime.fromisoformat(values[0]), UUID(values[1])) == (moment, identity)
