"""Who is on duty: the weekly roster, what stands in its place for a while, and who comes next."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.directory import ShiftOverride, TownshipPublished
from services.notification.domain.duty import Scene
from tests.unit.notification.scene import TUESDAY, TUESDAY_NIGHT, facts, opened, people, told, township

SHANGHAI = ZoneInfo("Asia/Shanghai")


def scene(at: datetime = TUESDAY, where: TownshipPublished | None = None, **case: Any) -> Scene:
    return Scene(where or township(), facts(opened(**case)), at, SHANGHAI)


def with_override(roster: str, *staff: str) -> TownshipPublished:
    """Somebody else on duty for the two hours around Tuesday afternoon."""
    hour = timedelta(hours=1)
    override = ShiftOverride(roster=roster, starts_at=TUESDAY - hour, ends_at=TUESDAY + hour, staff=staff)
    return township().model_copy(update={"overrides": (override,)})


def test_the_weekly_roster_holds_by_local_time() -> None:
    assert scene().on_duty("YX-PS")[0] == "ST092"
    assert scene(TUESDAY_NIGHT).on_duty("YX-PS")[0] == "ST093"


def test_an_override_stands_in_place_of_the_weekly_roster_while_it_lasts() -> None:
    where = with_override("YX-PS", "ST091")
    assert scene(where=where).on_duty("YX-PS") == ("ST091",)
    assert "ST091" in people(told(opened(), where=where))
    assert "ST092" not in people(told(opened(), where=where))
    assert scene(TUESDAY_NIGHT, where).on_duty("YX-PS")[0] == "ST093"


def test_an_override_with_nobody_on_duty_falls_back_and_raises_the_alarm() -> None:
    messages = told(opened(), where=with_override("YX-HC"))
    assert "ST095" not in people(messages)
    assert {m.codes["missing"] for m in messages if m.kind == "configuration_alarm"} == {"health"}


def test_overrides_hold_for_the_duty_leader_too() -> None:
    assert people(told(opened(), where=with_override("duty_leader", "ST115")), "top_level").keys() == {"ST115", "ST116"}


def test_whoever_was_not_reached_is_followed_by_the_next_of_the_roster_until_all_were_tried() -> None:
    assert scene().next_after("ST092", {"ST092"}) == "ST093"
    assert scene().next_after("ST093", {"ST092", "ST093"}) == "ST091"
    assert scene().next_after("ST091", {"ST091", "ST092", "ST093"}) is None


def test_a_grid_member_is_followed_by_the_roster_of_the_village_and_a_leader_by_nobody() -> None:
    assert scene().next_after("ST006", {"ST006"}) in scene().on_duty("V01-VC")
    assert scene().next_after("ST115", {"ST115"}) is None


def test_nobody_of_a_unit_that_must_not_know_follows() -> None:
    assert scene(restricted=True).next_after("ST006", {"ST006"}) is None
