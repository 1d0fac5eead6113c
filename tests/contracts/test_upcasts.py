"""Old versions become new ones step by step, and only those that were replaced."""

from typing import Any

from contracts.catalogue import TYPES
from contracts.upcasts import UPCASTS, newest, upcast


def _split_place(data: dict[str, Any]) -> dict[str, Any]:
    village, _, group = data.pop("place").partition("-")
    return {**data, "village": village, "group": group}


def _count_from_one(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "round": data.get("round", 0) + 1}


MADE_UP = {
    "tree.planted.v1": ("tree.planted.v2", _split_place),
    "tree.planted.v2": ("tree.planted.v3", _count_from_one),
}


def test_an_old_event_passes_through_every_version_up_to_the_newest() -> None:
    assert upcast("tree.planted.v1", {"place": "V01-G2"}, MADE_UP) == (
        "tree.planted.v3",
        {"village": "V01", "group": "G2", "round": 1},
    )


def test_an_event_of_a_version_in_between_takes_only_the_steps_ahead_of_it() -> None:
    assert upcast("tree.planted.v2", {"village": "V01", "round": 4}, MADE_UP) == (
        "tree.planted.v3",
        {"village": "V01", "round": 5},
    )


def test_an_event_nobody_replaced_stays_as_it_is() -> None:
    data = {"village": "V01"}
    assert upcast("tree.felled.v1", data, MADE_UP) == ("tree.felled.v1", data)


def test_the_data_given_is_not_changed() -> None:
    data = {"place": "V01-G2"}
    upcast("tree.planted.v1", data, MADE_UP)
    assert data == {"place": "V01-G2"}


def test_the_newest_version_of_a_type_is_known_without_its_data() -> None:
    assert [newest(f"tree.planted.v{n}", MADE_UP) for n in (1, 2, 3)] == ["tree.planted.v3"] * 3


def test_every_registered_chain_ends_in_a_type_of_the_catalogue() -> None:
    assert {newest(type_name) for type_name in UPCASTS} <= TYPES.keys()
