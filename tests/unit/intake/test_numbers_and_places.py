"""The numbers people quote, and the places reports name."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.intake.domain.numbers import case_number, receipt_code, receipt_hash, report_number
from services.intake.domain.places import areas_of, locate
from tests.integration.intake.story import township

AREAS = areas_of(township())


def test_a_number_bears_the_local_year_of_receipt() -> None:
    new_years_eve_utc = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
    assert case_number("YX", new_years_eve_utc, 123) == "YX-2027-000123"
    assert report_number("YX", new_years_eve_utc, 1234567) == "YX-R2027-1234567"


def test_a_receipt_code_is_stable_for_its_report_and_secret() -> None:
    code = receipt_code(b"s", UUID(int=1))
    assert code == receipt_code(b"s", UUID(int=1))
    assert len({code, receipt_code(b"s", UUID(int=2)), receipt_code(b"t", UUID(int=1))}) == 3
    assert len(code.replace("-", "")) == 16


def test_a_code_is_recognised_however_it_is_typed() -> None:
    assert receipt_hash("ab10-0000") == receipt_hash("AB1O 0000") == receipt_hash("abIo0000")
    assert receipt_hash("AB10") != receipt_hash("AB11")


@pytest.mark.parametrize("group", [2, "V01-G2"])
def test_a_group_is_named_by_number_or_code(group: int | str) -> None:
    place, problems = locate(AREAS, "V01", group, outside=False)
    assert (place.village, place.group, place.zone, problems) == ("V01", "V01-G2", "rural", ())


def test_a_group_code_alone_tells_its_village() -> None:
    assert locate(AREAS, None, "V01-G2", outside=False)[0].village == "V01"


def test_a_place_may_be_unknown() -> None:
    place, problems = locate(AREAS, None, None, outside=True)
    assert (place.village, place.zone, place.outside, problems) == (None, None, True, ())


@pytest.mark.parametrize(
    ("village", "group", "code"),
    [
        ("V99", None, "unknown_village"),
        ("V01", 99, "unknown_group"),
        (None, 2, "unknown_group"),
        ("V02", "V01-G2", "group_of_another_village"),
    ],
)
def test_a_place_that_does_not_exist_is_named(village: str | None, group: int | str | None, code: str) -> None:
    assert [problem.code for problem in locate(AREAS, village, group, outside=False)[1]] == [code]
