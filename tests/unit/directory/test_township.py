"""What follows from the township's structure: announcements without names, missing posts, claims, who is on duty."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts.access import Subject
from contracts.directory import Shift
from services.directory.domain.alerts import Alert, alerts
from services.directory.domain.identity import (
    FREE_FAILURES,
    LONGEST_WAIT,
    Account,
    claims,
    masked,
    try_again_at,
)
from services.directory.domain.places import find_places
from services.directory.domain.reference_file import UnusableFile, read_township
from services.directory.domain.rosters import WEEK_MINUTES, on_duty, uncovered
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import Roster, Township

SAMPLE = Path(__file__).parents[2] / "samples" / "township.yaml"
TEXT = SAMPLE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def township() -> Township:
    return read_township(TEXT)


def test_the_sample_has_seven_areas_and_thirty_two_groups(township: Township) -> None:
    assert (len(township.villages), len(township.groups)) == (7, 32)


def test_the_announcement_carries_neither_names_nor_telephone_numbers(township: Township) -> None:
    text = snapshot(township, 3, UUID("6f1d2c9e-7a43-5c1b-9d0e-2b8f4c6a1e35")).model_dump_json()
    private = [person.name for person in township.staff] + [person.phone for person in township.staff if person.phone]
    private += [unit.desk_phone for unit in township.organisations if unit.desk_phone]
    assert [word for word in private if word in text] == []
    assert "松岭村" not in text


def test_the_announcement_knows_grid_heads_schools_and_the_hotlines_shifts(township: Township) -> None:
    announced = snapshot(township, 3, UUID(int=1))
    villages = {village.code: village for village in announced.villages}
    units = {unit.code: unit for unit in announced.organisations}
    assert villages["V04"].grid_heads == ("ST120",)
    assert units["YX-SCH2"].grades == (7, 9)
    assert announced.hotline_shifts[0].staff == ("ST124", "ST127", "ST128")
    assert announced.posts["civil_affairs_supervisor"] == ("ST088",)
    assert "court" not in units


def test_the_only_thing_missing_in_the_sample_is_its_known_vacancy(township: Township) -> None:
    assert alerts(township) == (Alert("vacant_post", "group_head", "V06-G4"),)


def test_a_village_without_its_responsible_person_and_a_roster_with_a_hole_raise_alerts(township: Township) -> None:
    villages = tuple(v.model_copy(update={"responsible": None}) if v.code == "V02" else v for v in township.villages)
    pattern = township.roster("YX-PS")
    holed = Roster(code="YX-PS", shifts=pattern.shifts[1:])
    rosters = tuple(holed if r.code == "YX-PS" else r for r in township.rosters if r.code != "duty_room")
    found = alerts(township.model_copy(update={"villages": villages, "rosters": rosters}))
    assert Alert("vacant_post", "village_responsible", "V02") in found
    assert Alert("roster_gap", None, "YX-PS", 9 * 60) in found
    assert Alert("empty_roster", None, "duty_room", WEEK_MINUTES) in found


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("director: ST001", "director: ST999", "V01: no staff ST999"),
        ("group: V07-G4}", "group: V07-G9}", "no area V07-G9"),
        ("- code: V02\n", "- code: V01\n", "V01: used twice"),
        ("township-reference/1", "township-reference/2", "schema"),
        ("zone: outskirts, landmarks: [渔塘]", "zone: moon, landmarks: [渔塘]", "zone"),
        ("posts:                                 #", "pasts:  #", "missing: 'posts'"),
        ("areas:", "areas: [", "not YAML"),
    ],
)
def test_a_file_with_a_fault_is_refused_and_the_fault_named(old: str, new: str, named: str) -> None:
    assert old in TEXT
    with pytest.raises(UnusableFile, match=named):
        read_township(TEXT.replace(old, new, 1))


@pytest.mark.parametrize(
    ("staff", "department", "posts", "villages", "groups"),
    [
        ("ST088", "civil_affairs", {"civil_affairs_supervisor", "department_head", "lead_department"}, set(), set()),
        ("ST002", "village_committee", {"child_director", "village_station"}, {"V01"}, set()),
        ("ST004", "village_committee", {"grid_member"}, {"V01"}, {"V01-G1"}),
        ("ST005", "village_committee", {"group_head"}, {"V01"}, {"V01-G1"}),
        ("ST119", "township_government", {"grid_head"}, {"V01", "V02", "V03", "V06"}, set()),
        ("ST127", None, {"hotline_operator"}, set(), set()),
    ],
)
def test_a_person_claims_what_their_place_in_the_township_gives_them(
    township: Township, staff: str, department: str | None, posts: set[str], villages: set[str], groups: set[str]
) -> None:
    subject = Subject.from_claims(claims(Account(staff.lower(), "person", "YX", staff=staff), township))
    assert (subject.kind, subject.staff, subject.department) == ("person", staff, department)
    assert (set(subject.posts), set(subject.villages), set(subject.groups)) == (posts, villages, groups)


def test_an_api_client_claims_its_departments_and_no_more_scopes_than_it_has(township: Township) -> None:
    client = Account("client", "client", "YX", organisation="V03-VC", scopes=("referrals:read", "reports:create"))
    every = Subject.from_claims(claims(client, township))
    some = Subject.from_claims(claims(client, township, frozenset({"referrals:read", "stats:read"})))
    assert (every.kind, every.department, set(every.villages)) == ("client", "village_committee", {"V03"})
    assert every.scopes == {"referrals:read", "reports:create"}
    assert some.scopes == {"referrals:read"}


def test_posts_of_the_administration_come_from_the_account_alone(township: Township) -> None:
    person = township.staff[0].model_copy(update={"posts": ("admin", "village_director")})
    forged = township.model_copy(update={"staff": (person, *township.staff[1:])})
    assert "admin" not in claims(Account("x", "person", "YX", staff=person.id), forged)["posts"]
    assert claims(Account("x", "person", "YX", posts=("admin", "police")), township)["posts"] == ["admin"]


@pytest.mark.parametrize(
    ("moment", "first"),
    [
        ("2026-11-02 08:29", "ST092"),  # Monday, the tail of Sunday's night
        ("2026-11-02 08:30", "ST091"),
        ("2026-11-02 17:29", "ST091"),
        ("2026-11-02 17:30", "ST092"),
        ("2026-11-03 03:00", "ST092"),  # still Monday's night
        ("2026-11-03 08:30", "ST092"),
    ],
)
def test_a_night_shift_lasts_into_the_next_day(township: Township, moment: str, first: str) -> None:
    assert on_duty(township.roster("YX-PS").shifts, datetime.fromisoformat(moment))[0] == first


def test_an_evening_that_ends_at_midnight_ends_at_midnight(township: Township) -> None:
    shifts = township.roster("YX-HL").shifts
    assert on_duty(shifts, datetime.fromisoformat("2026-11-02 23:59"))[0] == "ST126"
    assert on_duty(shifts, datetime.fromisoformat("2026-11-03 00:00"))[0] == "ST125"


CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
SHIFTS = st.lists(
    st.builds(Shift, weekday=st.integers(0, 6), starts=CLOCK, ends=CLOCK, staff=st.just(("ST001",))), max_size=6
)


@given(SHIFTS, st.integers(0, WEEK_MINUTES - 1))
def test_a_minute_is_uncovered_exactly_when_nobody_is_on_duty(shifts: list[Shift], minute: int) -> None:
    monday = datetime.fromisoformat("2026-11-02 00:00")
    gap = any(start <= minute < end for start, end in uncovered(shifts))
    assert gap == (on_duty(shifts, monday + timedelta(minutes=minute)) == ())


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("菜市场", "V07-G2"),
        ("渔塘", "V04-G6"),
        ("yunxi health", "V07-G1"),
        ("SHUANGHE bridge", "V05-G1"),
        ("松岭村一组", "V01-G1"),
    ],
)
def test_a_callers_word_finds_its_group(township: Township, query: str, code: str) -> None:
    assert find_places(township, query)[0].group == code


def test_a_village_name_finds_its_groups_and_itself_and_a_blank_finds_nothing(township: Township) -> None:
    kinds = [match.kind for match in find_places(township, "竹坞村")]
    assert kinds.count("group") == 4
    assert kinds.count("village") == 1
    assert find_places(township, "  ") == ()


@given(st.integers(0, 10_000))
def test_waiting_grows_with_failures_but_never_beyond_a_minute(failures: int) -> None:
    moment = datetime.fromisoformat("2026-11-02 00:00")
    wait, longer = try_again_at(failures, moment) - moment, try_again_at(failures + 1, moment) - moment
    assert wait <= longer <= LONGEST_WAIT
    assert (wait == timedelta(0)) == (failures < FREE_FAILURES)


def test_a_masked_number_shows_two_digits() -> None:
    assert masked("00000000091") == "*********91"
    assert masked(None) is None


def test_a_field_named_no_is_a_field_and_not_a_refusal() -> None:
    assert yaml.safe_load("no: 1") == {False: 1}
    assert read_township(TEXT).groups[0].no == 1
