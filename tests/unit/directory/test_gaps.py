"""Hours with nobody on duty are found ahead, keep their identity, and are announced daily until they are closed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.rosters import on_duty
from services.directory.domain.alerts import alerts, watched
from services.directory.domain.gaps import Gap, Known, fallback, find_gaps, watch
from services.directory.domain.reference_file import read_township
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import Override, Roster, Township

SAMPLE = read_township((Path(__file__).parents[2] / "samples" / "township.yaml").read_text(encoding="utf-8"))
ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def with_override(township: Township, roster: str, start: datetime, end: datetime, *staff: str) -> Township:
    made = Override(id=UUID(int=7), roster=roster, starts_at=start, ends_at=end, staff=staff, reason="leave")
    return township.model_copy(update={"overrides": (*township.overrides, made)})


def found(township: Township, since: datetime = MONDAY) -> tuple[Gap, ...]:
    return find_gaps(snapshot(township, 0, UUID(int=0)), watched(township), alerts(township), since, 14, ZONE)


def test_the_sample_has_no_hour_without_duty_and_one_vacant_post() -> None:
    assert found(SAMPLE) == (Gap("vacant_post", "V06-G4", "group_head"),)


def test_an_override_with_nobody_is_a_gap_of_exactly_its_hours() -> None:
    start, end = MONDAY + 3 * DAY, MONDAY + 3 * DAY + timedelta(hours=9)
    gaps = found(with_override(SAMPLE, "YX-PS", start, end))
    assert gaps[0] == Gap("empty_shift", "YX-PS", None, start, end)
    assert len(gaps) == 2


def test_an_override_by_somebody_who_left_the_township_is_a_gap() -> None:
    gaps = found(with_override(SAMPLE, "YX-PS", MONDAY + DAY, MONDAY + 2 * DAY, "ST999"))
    assert gaps[0] == Gap("empty_shift", "YX-PS", None, MONDAY + DAY, MONDAY + 2 * DAY)


def test_a_hole_in_the_weekly_pattern_is_a_gap_in_each_week_ahead_and_an_override_fills_it() -> None:
    pattern = SAMPLE.roster("YX-PS")
    holed = tuple(Roster(code=r.code, shifts=pattern.shifts[1:]) if r.code == "YX-PS" else r for r in SAMPLE.rosters)
    township = SAMPLE.model_copy(update={"rosters": holed})
    first, second, vacant = found(township)
    assert (first.roster, second.roster, vacant.kind) == ("YX-PS", "YX-PS", "vacant_post")
    assert first.starts_at is not None
    assert first.ends_at is not None
    assert second.starts_at == first.starts_at + 7 * DAY
    filled = with_override(township, "YX-PS", first.starts_at, first.ends_at, "ST091")
    assert found(filled) == (second, vacant)


def test_a_roster_that_names_nobody_is_one_gap_without_hours() -> None:
    township = SAMPLE.model_copy(update={"rosters": tuple(r for r in SAMPLE.rosters if r.code != "YX-HC")})
    assert found(township)[0] == Gap("empty_shift", "YX-HC")


def test_a_gap_is_announced_once_then_daily_until_it_is_closed() -> None:
    gap = Gap("empty_shift", "YX-PS", None, MONDAY + DAY, MONDAY + 2 * DAY)
    first = watch([gap], [], "YX", MONDAY, DAY).announced[0]
    assert first == Known(gap.identity("YX"), gap, MONDAY)
    assert watch([gap], [first], "YX", MONDAY + timedelta(hours=23), DAY).announced == ()
    begun = Gap("empty_shift", "YX-PS", None, MONDAY + timedelta(hours=30), MONDAY + 2 * DAY)
    (again,) = watch([begun], [first], "YX", MONDAY + timedelta(hours=30), DAY).announced
    assert (again.id, again.repeat_no, again.gap) == (first.id, 1, gap)
    assert watch([], [again], "YX", MONDAY + 2 * DAY, DAY).closed == (again,)


@pytest.mark.parametrize(
    ("roster", "department", "expected"),
    [
        ("YX-HC", "health", ("police", "duty_room")),
        ("YX-PS", "police", ("duty_room",)),
        ("duty_room", None, ("police",)),
    ],
)
def test_nobody_stands_in_for_themselves(roster: str, department: str | None, expected: tuple[str, ...]) -> None:
    assert fallback(roster, department, ["police", "duty_room"]) == expected


HOURS = st.integers(0, 24 * 14)


@settings(max_examples=60)
@given(st.lists(st.tuples(HOURS, st.integers(1, 60), st.sampled_from([(), ("ST091",)])), max_size=4), HOURS)
def test_an_hour_lies_in_a_gap_exactly_when_nobody_is_on_duty(
    made: list[tuple[int, int, tuple[str, ...]]], hour: int
) -> None:
    township = SAMPLE
    for start, length, staff in made:
        begins = MONDAY + timedelta(hours=start)
        township = with_override(township, "YX-PS", begins, begins + timedelta(hours=length), *staff)
    moment = min(MONDAY + timedelta(hours=hour), MONDAY + 14 * DAY - timedelta(minutes=1))
    published = snapshot(township, 0, UUID(int=0))
    gaps = [g for g in find_gaps(published, ["YX-PS"], [], MONDAY, 14, ZONE) if g.starts_at and g.ends_at]
    inside = any(gap.starts_at <= moment < gap.ends_at for gap in gaps if gap.starts_at and gap.ends_at)
    assert inside == (on_duty(published, "YX-PS", moment, ZONE) == ())
