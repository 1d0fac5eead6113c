"""Who is told of what, by which channel: the rules of the policy on the sample township."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import dispatch
from contracts.envelope import Payload
from contracts.vocabulary import Level, Place
from services.notification.domain.message import content
from services.notification.domain.notices import telling
from tests.samples.golden import POLICY
from tests.unit.notification.scene import (
    ARRIVALS,
    NUMBER,
    TEAM,
    TUESDAY_NIGHT,
    act,
    armed,
    closed,
    closure_requested,
    facts,
    fired,
    id_of,
    lowering,
    opened,
    outside,
    overdue,
    people,
    queues,
    referral,
    revised,
    told,
    without_roster,
)

CALL_SMS_APP = ("call", "sms", "app")


# Dispatch ----------------------------------------------------------------------------------------------------------


def test_every_referral_shows_in_the_queue_of_its_organisation() -> None:
    assert queues(told(opened())) == {"YX-PS", "YX-CA", "V01-VC", "YX-HC", "YX-GOV"}


def test_the_first_person_on_duty_of_every_task_department_is_told_and_of_an_informed_one_nobody() -> None:
    # Tuesday by day: police ST092, civil affairs ST089, village ST002, health ST095.
    assert people(told(opened()), "referral_issued").keys() == {"ST092", "ST089", "ST002", "ST095"}


def test_at_night_it_is_the_night_shift_that_is_told() -> None:
    assert "ST093" in people(told(opened(), at=TUESDAY_NIGHT))
    assert "ST092" not in people(told(opened(), at=TUESDAY_NIGHT))


@pytest.mark.parametrize(
    ("level", "channels"),
    [("red", CALL_SMS_APP), ("orange", ("sms", "app")), ("yellow", ("app",)), ("blue", ("app",))],
)
def test_the_level_chooses_the_channels(level: Level, channels: tuple[str, ...]) -> None:
    assert set(people(told(opened(level))).values()) == {channels}


def test_the_grid_member_of_the_childs_group_is_sent_there_with_the_dispatch() -> None:
    assert people(told(opened()), "go_there") == {"ST006": CALL_SMS_APP}


def test_without_an_arrival_clock_nobody_is_sent() -> None:
    assert people(told(opened(deadlines=())), "go_there") == {}
    upward = armed("S5b", "township", "civil_affairs")
    assert people(told(opened(deadlines=(upward,))), "go_there") == {}


def test_a_red_case_pages_the_duty_leader_and_the_leader_responsible() -> None:
    assert people(told(opened()), "top_level").keys() == {"ST117", "ST116"}
    assert people(told(opened("orange")), "top_level") == {}


def test_a_person_is_told_once_of_one_event_by_all_the_channels_any_reason_asks_for() -> None:
    messages = told(opened(deadlines=(*ARRIVALS, armed("S5b", "village", "village_committee"))))
    recipients = [message.recipient for message in messages if message.recipient_kind == "staff"]
    assert len(recipients) == len(set(recipients))
    assert people(messages)["ST002"] == CALL_SMS_APP


def test_outside_bodies_get_a_notice_by_hand_that_the_coordinator_is_asked_to_give() -> None:
    messages = told(opened(external_notices=("county_education",)))
    assert outside(messages) == {"county_education"}
    assert queues(messages, "manual_notice_to_give") == {"YX-CA"}


def test_a_duty_notice_goes_to_departments_without_a_referral_and_the_circulation_names_no_case() -> None:
    notices = (
        dispatch.Notice(notice="N-7", bodies=("youth_league", "police", "guardian")),
        dispatch.Notice(notice="N-6", bodies=("women_federation", "hotline")),
        dispatch.Notice(notice="N-9", bodies=("justice",), status="withheld"),
    )
    messages = told(opened(notices=notices))
    assert queues(messages, "duty_notice") == {"YX-YL"}
    (circulation,) = [message for message in messages if message.kind == "circulation"]
    assert (circulation.recipient, circulation.masked) == ("YX-WF", True)
    assert content(circulation, "app", NUMBER, POLICY) == {"notice": "N-6"}
    assert "YX-JO" not in queues(messages)


def test_two_schools_with_a_referral_each_are_both_told_and_each_only_of_its_own() -> None:
    schools = tuple(
        referral("health", "assist").model_copy(
            update={"department": "school", "organisation": code, "referral_id": id_of(code)}
        )
        for code in ("YX-SCH1", "YX-SCH2")
    )
    messages = told(opened(referrals=schools))
    ids = {m.recipient: m.codes["referral_id"] for m in messages if m.recipient_kind == "organisation"}
    assert ids == {code: str(id_of(code)) for code in ("YX-SCH1", "YX-SCH2")}
    assert queues(told(closed(), facts(opened(referrals=schools)))) == {"YX-SCH1", "YX-SCH2"}


# Revisions ---------------------------------------------------------------------------------------------------------


def test_a_raised_level_is_told_to_everybody_with_a_task_and_red_pages_the_leaders() -> None:
    case = facts(opened("orange"), revised("orange", "red"))
    messages = told(revised("orange", "red"), case)
    assert people(messages, "level_raised") == dict.fromkeys(("ST092", "ST089", "ST002", "ST095"), CALL_SMS_APP)
    assert people(messages, "top_level").keys() == {"ST117", "ST116"}


def test_a_lowered_level_shows_in_the_queues_and_rings_nobody() -> None:
    messages = told(revised("red", "orange"), facts(opened(), revised("red", "orange")))
    assert queues(messages, "level_lowered") == {"YX-PS", "YX-CA", "V01-VC", "YX-HC"}
    assert people(messages) == {}


def test_a_department_that_joins_gets_its_referral_and_not_also_the_news_of_the_level() -> None:
    change = revised("orange", "red", referrals=(referral("justice", "assist"),))
    messages = told(change, facts(opened("orange"), change))
    assert queues(messages, "referral_issued") == {"YX-JO"}
    assert "YX-JO" not in queues(messages, "level_raised")


# Acts --------------------------------------------------------------------------------------------------------------

RETURN: dict[str, Any] = {
    "reason": "not_competent",
    "proposed_department": "justice",
    "returns": 2,
    "decision_due_at": opened().received_at,
}


def test_a_return_goes_to_the_coordinator_with_its_flag() -> None:
    messages = told(act(dispatch.ReferralReturned, **RETURN, buck_passing=True), facts())
    assert queues(messages) == {"YX-CA"}
    assert people(messages) == {"ST089": CALL_SMS_APP}
    assert {message.codes["flag"] for message in messages} == {"buck_passing"}


def test_an_upheld_return_moves_the_task_and_a_refused_one_stays() -> None:
    upheld = act(dispatch.ReturnDecided, upheld=True, issued=referral("justice", "assist"))
    messages = told(upheld, facts(opened(), upheld))
    assert queues(messages, "referral_issued") == {"YX-JO"}
    assert queues(messages, "return_upheld") == {"YX-HC"}
    messages = told(act(dispatch.ReturnDecided, upheld=False), facts())
    assert people(messages, "return_refused") == {"ST095": CALL_SMS_APP}


def test_confirmed_safety_is_shown_to_everybody_with_a_task() -> None:
    event = act(
        dispatch.SafetyConfirmed, "police", confirmed_at=opened().received_at, basis="safe_place", response_no=1
    )
    assert queues(told(event, facts())) == {"YX-PS", "YX-CA", "V01-VC", "YX-HC"}


# Deadlines ---------------------------------------------------------------------------------------------------------


def test_a_warning_goes_to_the_owner_of_the_step() -> None:
    messages = told(fired("warn_80", "grid_member", step="S5a", tier="group"), facts())
    assert people(messages, "deadline_warning") == {"ST006": CALL_SMS_APP}


def test_a_breach_goes_to_the_posts_above() -> None:
    messages = told(fired("breach", "village_director", "child_director"), facts())
    assert people(messages, "deadline_breached").keys() == {"ST001", "ST002"}
    assert people(told(fired("breach", "grid_head", "civil_affairs"), facts())).keys() == {"ST119", "ST089"}


def test_a_second_breach_reaches_the_township_head_and_the_county_office() -> None:
    messages = told(fired("second_breach", "township_head", external=("county_protection_office",)), facts())
    assert people(messages).keys() == {"ST115"}
    assert outside(messages) == {"county_protection_office"}


def test_each_page_goes_to_the_next_person_of_the_roster_and_around_again() -> None:
    # Told at dispatch: ST092. The roster goes on with ST093, ST091.
    paged = [next(iter(people(told(fired("page_next", "police", repeat_no=n), facts())))) for n in range(4)]
    assert paged == ["ST093", "ST091", "ST092", "ST093"]


# Empty places ------------------------------------------------------------------------------------------------------


def test_a_vacant_grid_post_falls_to_the_deputy_and_then_to_the_village_roster() -> None:
    no_deputy = opened(place=Place(village="V06", group="V06-G4", zone="rural"))
    assert "ST071" in people(told(no_deputy), "go_there")
    unknown_group = opened(place=Place(village="V06"), referrals=())
    assert people(told(fired("warn_80", "grid_member"), facts(unknown_group))).keys() == {"ST063"}


def test_where_the_place_is_unknown_the_grid_heads_stand_in() -> None:
    nowhere = opened(place=Place())
    assert people(told(fired("breach", "village_director"), facts(nowhere))).keys() == {"ST119"}


def test_an_empty_roster_falls_to_police_and_duty_room_and_raises_an_alarm() -> None:
    messages = told(opened(), where=without_roster("YX-HC"))
    told_for_health = people([m for m in messages if m.codes.get("department") == "health"])
    assert told_for_health.keys() <= {"ST092", "ST122"}
    assert "ST122" in people(messages)  # Tuesday by day in the duty room
    assert {m.codes["missing"] for m in messages if m.kind == "configuration_alarm"} == {"health"}
    assert queues(messages, "configuration_alarm") == {"YX-GOV"}


def test_the_fallback_leaves_out_a_police_station_with_a_conflict_of_interest() -> None:
    case = facts(opened(conflict_unit="police", referrals=(referral("health", "lead"),), case_lead="health"))
    messages = told(fired("breach", "health"), case, where=without_roster("YX-HC"))
    assert people(messages).keys() == {"ST122"}


def test_with_every_roster_empty_the_queue_and_the_alarm_remain() -> None:
    where = without_roster("YX-PS", "YX-HC", people=False)
    messages = told(fired("breach", "health"), facts(), where=where)
    assert people(messages) == {}
    assert queues(messages, "deadline_breached") == {"YX-HC"}
    assert queues(messages, "configuration_alarm") == {"YX-GOV"}


# Who must not know -------------------------------------------------------------------------------------------------

RESTRICTED = opened(restricted=True, referrals=tuple(r for r in TEAM if r.department != "village_committee"))
VILLAGE_PEOPLE = {f"ST{n:03}" for n in range(1, 14)}


@pytest.mark.parametrize("target", ["village_committee", "village_director", "child_director", "grid_member"])
def test_in_a_restricted_case_nobody_of_the_village_is_ever_told(target: str) -> None:
    messages = told(fired("breach", target), facts(RESTRICTED))
    assert people(messages).keys() & VILLAGE_PEOPLE == set()
    assert "V01-VC" not in queues(messages)
    assert people(messages).keys() == {"ST089"}  # the coordinator instead


def test_a_unit_with_a_conflict_of_interest_is_never_told_whoever_the_target_is() -> None:
    case = facts(opened(conflict_unit="civil_affairs", coordinator="township_government"))
    messages = [*told(fired("breach", "civil_affairs_supervisor"), case), *told(lowering(), case)]
    assert people(messages).keys() & {"ST088", "ST089", "ST090"} == set()
    assert people(messages)


def test_a_department_whose_referral_was_withdrawn_hears_nothing_more_until_it_gets_a_new_one() -> None:
    gone = revised("red", "red", cause="report", withdrawn=(id_of("referral health"),))
    case = facts(opened(), gone)
    assert "YX-HC" not in queues(told(closed(), case))
    messages = told(fired("breach", "health"), case)
    assert people(messages).keys() & {"ST094", "ST095", "ST096"} == set()
    assert people(messages)
    back = revised("red", "red", cause="report", referrals=(referral("health", "assist"),))
    assert "YX-HC" in queues(told(closed(), facts(opened(), gone, back)))


# Everything else ---------------------------------------------------------------------------------------------------


def test_an_overdue_dispatch_rings_the_shift_leader_and_from_the_first_repeat_civil_affairs() -> None:
    unknown = facts(overdue(0))
    assert people(told(overdue(0), unknown)) == {
        "ST126": CALL_SMS_APP
    }  # Tuesday, evening... 14:21 is the morning shift
    assert people(told(overdue(1), unknown)).keys() == {"ST126", "ST089"}


def test_decisions_that_have_days_ring_nobody() -> None:
    assert people(told(lowering(), facts())) == {"ST088": ("app",)}
    assert people(told(closure_requested(), facts(opened("yellow")))) == {"ST089": ("app",)}


def test_closing_a_case_that_was_ever_red_needs_the_leader_responsible() -> None:
    was_red = facts(opened(), revised("red", "yellow"))
    assert people(told(closure_requested(), was_red)).keys() == {"ST089", "ST116"}


def test_a_closed_case_is_told_to_every_department_that_had_a_role() -> None:
    assert queues(told(closed(), facts())) == {"YX-PS", "YX-CA", "V01-VC", "YX-HC", "YX-GOV"}


# What may be said --------------------------------------------------------------------------------------------------

EVENTS: list[Payload] = [
    opened(), opened(restricted=True), revised("orange", "red"), fired("second_breach", "township_head", "police"),
    overdue(2), lowering(), closure_requested(), closed(), act(dispatch.ReferralReturned, **RETURN),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
@pytest.mark.parametrize("channel", ["sms", "call", "manual"])
def test_outside_the_system_a_message_holds_case_number_and_level_and_nothing_else(
    event: Payload, channel: str
) -> None:
    for message in told(event, facts(opened(), event)):
        assert content(message, channel, NUMBER, POLICY).keys() <= {"case_number", "level"}


def test_what_a_message_holds_are_short_codes_ids_and_times() -> None:
    for event in EVENTS:
        for message in told(event, facts(opened(), event)):
            text = json.dumps(content(message, "app", NUMBER, POLICY), ensure_ascii=True)
            assert "\\u" not in text
            assert all(len(value) <= 80 for value in message.codes.values())


def test_there_is_an_example_here_of_nearly_every_event_somebody_is_told_of() -> None:
    assert {type(event) for event in EVENTS} <= telling()


@given(
    level=st.sampled_from(["blue", "yellow", "orange", "red"]),
    restricted=st.booleans(),
    conflict=st.sampled_from([None, "police", "civil_affairs", "village_committee", "township_government", "health"]),
    target=st.sampled_from(
        ["police", "health", "school", "village_committee", "grid_member", "group_head", "child_director", "grid_head",
         "village_director", "responsible_leader", "duty_leader", "duty_room", "township_head", "hotline", "nowhere"]
    ),
    village=st.sampled_from([None, "V01", "V06"]),
    nth=st.integers(0, 9),
)  # fmt: skip
def test_whatever_fires_somebody_is_told_and_never_a_blocked_unit(
    level: Any, restricted: bool, conflict: str | None, target: str, village: str | None, nth: int
) -> None:
    case = facts(opened(level, restricted=restricted, conflict_unit=conflict, place=Place(village=village)))
    messages = told(fired("page_next", target, repeat_no=nth, level=level), case)
    assert messages
    own = {
        "police": {"ST091", "ST092", "ST093"},
        "civil_affairs": {"ST088", "ST089", "ST090"},
        "health": {"ST094", "ST095", "ST096"},
    }
    assert people(messages).keys() & own.get(conflict or "", set()) == set()
