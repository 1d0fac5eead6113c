"""The table of who hears of what: every event type, its recipients and, per level, the channels."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import assistance, directory, dispatch, intake, risk_scoring
from contracts.directory import Provider
from contracts.envelope import Payload
from contracts.vocabulary import SYSTEM, Level, Place
from services.notification.domain.case import CaseFacts, undispatched
from services.notification.domain.message import APP, Message, content
from services.notification.domain.notices import telling
from services.notification.domain.texts import NO_CASE, TITLES, outside_text
from tests.samples.golden import POLICY
from tests.unit.notification.scene import (
    CASE,
    NUMBER,
    OFFICER,
    TEAM,
    TUESDAY,
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
    township,
)

LEVELS: tuple[Level, ...] = ("red", "orange", "yellow", "blue")
LOUD = {"red": ("call", "sms", "app"), "orange": ("sms", "app"), "yellow": ("app",), "blue": ("app",)}
HOUR = timedelta(hours=1)
NAMED: dict[str, Any] = {"case_id": CASE, "case_number": NUMBER, "township": "YX"}
BY: dict[str, Any] = {"by": OFFICER, "at": TUESDAY}
# On duty on Tuesday by day: police ST092, civil affairs ST089, village ST002, health ST095, finance ST100 or ST099.
EVERYBODY = frozenset({"ST092", "ST089", "ST002", "ST095"})
SUPERVISOR, LEADER, SHIFT_LEADER = "ST088", "ST116", "ST126"
UNITS = frozenset({"YX-PS", "YX-CA", "V01-VC", "YX-HC"})


def task(stage: str = "overdue", owner: str = "health", **changes: Any) -> assistance.TaskFired:
    said: dict[str, Any] = {
        "subject": "measure", "subject_id": id_of("measure"), "code": "MEDICAL_AID", "owner": owner,
        "place": Place(village="V01", group="V01-G2"), "level": "red", "stage": stage, "due_at": TUESDAY,
        "planned_at": TUESDAY, "fired_at": TUESDAY, "lateness_seconds": 0.0, "policy_version": "2026-11",
    }  # fmt: skip
    return assistance.TaskFired(**NAMED, **said | changes)


def measure(state: str, department: str = "health", **changes: Any) -> assistance.MeasureChanged:
    said: dict[str, Any] = {"measure_id": id_of("measure"), "code": "MEDICAL_AID", "department": department}
    return assistance.MeasureChanged(case_id=CASE, **BY, **said, state=state, **changes)  # type: ignore[arg-type]  # a code of the test


def money(state: str) -> assistance.DisbursementChanged:
    said: dict[str, Any] = {
        "disbursement_id": id_of("money"), "measure_id": id_of("measure"), "budget_line": "relief", "state": state,
    }  # fmt: skip
    return assistance.DisbursementChanged(case_id=CASE, **BY, **said)


def placement(state: str, kind: str = "P2") -> assistance.PlacementChanged:
    said: dict[str, Any] = {
        "placement_id": id_of("placement"), "child_id": id_of("child"), "kind": kind, "reason": "domestic_violence",
        "state": state, "responsible": "this_township", "external_notices": ("county_civil_affairs",),
    }  # fmt: skip
    return assistance.PlacementChanged(**NAMED, **BY, **said)


def amended(*aspects: str) -> intake.ReportAmended:
    return intake.ReportAmended(
        **NAMED, **BY, response_no=1, report_id=id_of("report"), amendment_id=id_of("amendment"), aspects=aspects
    )


def reassess(kind: type[Payload], **changes: Any) -> Any:
    said: dict[str, Any] = {"task_id": id_of("task"), "trigger": "two_failed_visits", "level": "red", "due_at": TUESDAY}
    return kind(**NAMED, **said | changes)


REASSESS = reassess(risk_scoring.ReassessmentOpened, opened_at=TUESDAY, policy_version="2026-11")
DUE_SOON = reassess(risk_scoring.ReassessmentDueSoon, fired_at=TUESDAY)
LATE, STILL_LATE = (reassess(risk_scoring.ReassessmentOverdue, fired_at=TUESDAY, repeat_no=n) for n in (0, 1))


def transfer(state: str, direction: str = "out", case_id: UUID | None = CASE) -> intake.TransferRecorded:
    said: dict[str, Any] = {
        "transfer_id": id_of("transfer"), "report_id": id_of("report"), "receiver": "hotline_b", "state": state,
        "direction": direction, "due_at": TUESDAY,
    }  # fmt: skip
    return intake.TransferRecorded(township="YX", case_id=case_id, by=SYSTEM, at=TUESDAY, **said)


def callback(repeat_no: int = 0) -> intake.CallbackOverdue:
    return intake.CallbackOverdue(
        callback_id=id_of("callback"), report_id=id_of("report"), township="YX", due_at=TUESDAY, fired_at=TUESDAY,
        repeat_no=repeat_no,
    )  # fmt: skip


def review(repeat_no: int) -> intake.AccessReviewOverdue:
    return intake.AccessReviewOverdue(
        **NAMED, grant_id=id_of("grant"), due_at=TUESDAY, fired_at=TUESDAY, repeat_no=repeat_no
    )


def gap(roster: str = "YX-HC", **changes: Any) -> directory.RosterGapFound:
    said: dict[str, Any] = {"kind": "empty_shift", "fallback": ("police", "duty_room"), "found_at": TUESDAY}
    return directory.RosterGapFound(township="YX", gap_id=id_of("gap"), roster=roster, **said | changes)


def extension(department: str = "health") -> dispatch.ExtensionRequested:
    asker = OFFICER.model_copy(update={"department": department})
    return dispatch.ExtensionRequested(
        **NAMED, extension_id=id_of("extension"), deadline_id=id_of("S9"), step="S9", reason="documents_pending",
        until=TUESDAY + HOUR, by=asker, at=TUESDAY,
    )  # fmt: skip


def decided(organisation: str | None, granted: bool) -> dispatch.ExtensionDecided:
    return dispatch.ExtensionDecided(
        **NAMED, **BY, extension_id=id_of("extension"), deadline_id=id_of("S9"), organisation=organisation,
        granted=granted, deadline=armed("S9", "township", "health") if granted else None,
    )  # fmt: skip


def urged(*organisations: str) -> dispatch.CaseUrged:
    return dispatch.CaseUrged(**NAMED, **BY, urge_id=id_of("urge"), organisations=organisations, level="red")


def supervised(*organisations: str) -> dispatch.SupervisionOrdered:
    return dispatch.SupervisionOrdered(
        **NAMED, **BY, supervision_id=id_of("order"), organisations=organisations, level="red", reply_due_at=TUESDAY
    )


def replied(ended: bool = False) -> dispatch.SupervisionReplied:
    organisation = None if ended else "YX-PS"
    return dispatch.SupervisionReplied(
        **NAMED, **BY, supervision_id=id_of("order"), organisation=organisation, ended=ended
    )


def paused() -> dispatch.ResponsePaused:
    return dispatch.ResponsePaused(
        **NAMED, pause_id=id_of("pause"), reason="awaiting_court", paused_at=TUESDAY, until=TUESDAY + HOUR, by=OFFICER,
        approved_by=OFFICER,
    )  # fmt: skip


def resumed() -> dispatch.ResponseResumed:
    return dispatch.ResponseResumed(
        **NAMED, pause_id=id_of("pause"), cause="bound_reached", resumed_at=TUESDAY, by=SYSTEM
    )


def notice(number: str, *bodies: str, status: str = "due", name: str = "notice") -> dispatch.Notice:
    return dispatch.Notice(notice=number, bodies=bodies, status=status, notice_id=id_of(name), due_at=TUESDAY)  # type: ignore[arg-type]  # a code of the test


def returned() -> dispatch.ReferralReturned:
    said: dict[str, Any] = {"reason": "x", "proposed_department": "justice", "returns": 1, "decision_due_at": TUESDAY}
    return act(dispatch.ReferralReturned, **said)  # type: ignore[no-any-return]  # the class it is given


def safe() -> dispatch.SafetyConfirmed:
    said: dict[str, Any] = {"confirmed_at": TUESDAY, "basis": "safe_place", "response_no": 1}
    return act(dispatch.SafetyConfirmed, **said)  # type: ignore[no-any-return]  # the class it is given


CLOSING = closure_requested().model_copy(update={"concurrences": ("responsible_leader", "police")})
REFUSED = assistance.ClosureRefused(case_id=CASE, closure_id=id_of("closure"), by=OFFICER, at=TUESDAY)

QUIET, BY_LEVEL = "quiet", "by level"
People = set[str] | frozenset[str]
Row = tuple[str, Payload, People, People, str]
# Kind of the message, event, who (staff), whose queue, and whether the staff are told by the level's channels or in the app.
TABLE: list[Row] = [
    ("referral_issued", opened(), EVERYBODY, UNITS, BY_LEVEL),
    ("referral_informed", opened(), set(), {"YX-GOV"}, QUIET),
    ("reporter_result_owed", opened(deadlines=(armed("S13", "township", "civil_affairs"),)), set(), {"YX-CA"}, QUIET),
    ("level_raised", revised("blue", "red"), EVERYBODY, UNITS, BY_LEVEL),
    ("order_copy", revised("red", "red", notices=(notice("N-8", "police", "village_committee"),)), {"ST092", "ST002"},
     {"YX-PS", "V01-VC"}, QUIET),
    ("go_there", revised("red", "red", place=Place(village="V06", group="V06-G4"),
                         deadlines=(armed("S5a", "group", "village_committee"),)), {"ST071"}, set(), BY_LEVEL),
    ("report_amended", amended("place", "safe_until"), EVERYBODY, {*UNITS, "YX-GOV"}, BY_LEVEL),
    ("report_amended", amended("household"), set(), {*UNITS, "YX-GOV"}, QUIET),
    ("return_to_decide", returned(), {"ST089"}, {"YX-CA"}, BY_LEVEL),
    ("return_refused", act(dispatch.ReturnDecided, upheld=False), {"ST095"}, {"YX-HC"}, BY_LEVEL),
    ("referral_revoked", act(dispatch.ReferralRevoked, reason="not_needed"), set(), {"YX-HC"}, QUIET),
    ("safety_confirmed", safe(), set(), UNITS, QUIET),
    ("urged", urged("YX-PS", "YX-HC"), {"ST092", "ST095"}, {"YX-PS", "YX-HC"}, BY_LEVEL),
    ("supervision_ordered", supervised("YX-PS"), {"ST092"}, {"YX-PS"}, BY_LEVEL),
    ("supervision_replied", replied(), {SUPERVISOR, LEADER}, set(), QUIET),
    ("supervision_ended", replied(ended=True), set(), UNITS, QUIET),
    ("lowering_to_decide", lowering(), {SUPERVISOR}, set(), QUIET),
    ("response_paused", paused(), set(), UNITS, QUIET),
    ("response_resumed", resumed(), EVERYBODY, UNITS, BY_LEVEL),
    ("extension_to_decide", extension(), {"ST089"}, {"YX-CA"}, QUIET),
    ("extension_to_decide", extension("civil_affairs"), {SUPERVISOR}, set(), QUIET),
    ("extension_granted", decided("YX-HC", True), {"ST095"}, {"YX-HC"}, QUIET),
    ("extension_refused", decided(None, False), {"ST092"}, {"YX-PS"}, QUIET),
    ("deadline_breached", fired("breach", "grid_head"), {"ST119"}, set(), BY_LEVEL),
    ("not_acknowledged", fired("page_next", "police", people=("ST091", "ST093")), {"ST091", "ST093"}, set(), BY_LEVEL),
    ("dispatch_overdue", overdue(1), {SHIFT_LEADER, "ST089"}, {"YX-CA"}, BY_LEVEL),
    ("callback_overdue", callback(), {SHIFT_LEADER}, set(), BY_LEVEL),
    ("transfer_sent", transfer("sent"), {"ST089"}, {"YX-CA"}, QUIET),
    ("transfer_received", transfer("sent", "in"), {SHIFT_LEADER}, set(), QUIET),
    ("transfer_overdue", transfer("overdue"), {SHIFT_LEADER}, set(), BY_LEVEL),
    ("transfer_refused", transfer("refused"), {SHIFT_LEADER}, set(), BY_LEVEL),
    ("access_review_overdue", review(0), {SUPERVISOR}, set(), QUIET),
    ("access_review_overdue", review(1), {SUPERVISOR, LEADER}, set(), QUIET),
    ("reassessment_opened", REASSESS, {"ST092"}, {"YX-PS"}, QUIET),
    ("reassessment_due_soon", DUE_SOON, {"ST092"}, {"YX-PS"}, BY_LEVEL),
    ("reassessment_overdue", LATE, {"ST092", "ST089"}, {"YX-PS", "YX-CA"}, BY_LEVEL),
    ("reassessment_overdue", STILL_LATE, {"ST092", "ST089", SUPERVISOR}, {"YX-PS", "YX-CA"}, BY_LEVEL),
    ("task_due_soon", task("due_soon"), {"ST095"}, {"YX-HC"}, QUIET),
    ("task_overdue", task("overdue", targets=("civil_affairs",)), {"ST095", "ST089"}, {"YX-HC", "YX-CA"}, BY_LEVEL),
    ("task_overdue", task("overdue", "grid_member"), {"ST006"}, set(), BY_LEVEL),
    ("task_overdue_again", task("repeat", targets=("civil_affairs_supervisor",)), {"ST095", SUPERVISOR}, {"YX-HC"},
     BY_LEVEL),
    ("task_alarm", task("alarm", targets=("responsible_leader",)), {"ST095", LEADER}, {"YX-HC"}, BY_LEVEL),
    ("measure_requested", measure("requested"), {"ST095"}, {"YX-HC"}, QUIET),
    ("measure_requested", measure("requested", emergency=True), {"ST095"}, {"YX-HC"}, BY_LEVEL),
    ("measure_refused", measure("refused"), set(), {"YX-CA"}, QUIET),
    ("disbursement_to_pay", money("approved"), {"ST100"}, {"YX-FO"}, QUIET),
    ("disbursement_changed", money("paid"), set(), {"YX-CA"}, QUIET),
    ("placement_to_decide", placement("proposed"), {"ST089"}, {"YX-CA"}, QUIET),
    ("placement_to_decide", placement("proposed", "P3"), {"ST089", LEADER}, {"YX-CA"}, QUIET),
    ("placement_changed", placement("started"), set(), UNITS, QUIET),
    ("closure_to_decide", CLOSING, {"ST089", LEADER, "ST092"}, {"YX-CA", "YX-PS"}, QUIET),
    ("closure_refused", REFUSED, set(), UNITS, QUIET),
    ("case_closed", closed(), set(), {*UNITS, "YX-GOV"}, QUIET),
    ("roster_gap", gap(), {"ST094", SUPERVISOR}, {"YX-HC"}, QUIET),
]  # fmt: skip


def known(event: Payload, level: Level = "red") -> CaseFacts:
    """The case of an event at a level; no case where the event belongs to none."""
    if getattr(event, "case_id", None) is None:
        return undispatched(None, None, "YX", level, POLICY)
    if isinstance(event, dispatch.ResponseOpened):
        return facts(event)
    return facts(opened(level), event)


def at(level: Level, event: Payload) -> Payload:
    """The same event at another level, where it says one."""
    changes: dict[str, Any] = {name: level for name in ("level", "level_from") if name in type(event).model_fields}
    return event.model_copy(update=changes)


def test_every_event_somebody_is_told_of_stands_in_the_table() -> None:
    assert {type(event) for _, event, *_ in TABLE} == telling()


@pytest.mark.parametrize(
    ("kind", "event", "staff", "units", "how"), TABLE, ids=[f"{n}-{row[0]}" for n, row in enumerate(TABLE)]
)
def test_the_table_of_recipients_and_channels(
    kind: str, event: Payload, staff: People, units: People, how: str
) -> None:
    for level in LEVELS[:-1] if kind == "level_raised" else LEVELS:
        now = at(level, event)
        messages = told(now, known(now, level))
        assert kind in TITLES
        assert people(messages, kind).keys() == staff
        assert queues(messages, kind) == units
        channels = LOUD[level] if how == BY_LEVEL else (APP,)
        assert set(people(messages, kind).values()) <= {channels}


def test_states_that_ask_nothing_of_anybody_are_told_to_nobody() -> None:
    silent = [transfer("acknowledged"), transfer("withdrawn"), measure("accepted"), measure("completed")]
    assert [told(event, facts()) for event in silent] == [()] * len(silent)


# Details -----------------------------------------------------------------------------------------------------------


def test_pages_follow_the_persons_that_dispatch_chose_in_their_order() -> None:
    messages = told(fired("page_next", "police", repeat_no=0, people=("ST091", "ST092")), facts())
    assert [message.recipient for message in messages] == ["ST091", "ST092"]


def test_a_page_to_people_who_must_not_know_goes_to_who_stands_in() -> None:
    case = facts(opened(conflict_unit="police", referrals=TEAM[1:], case_lead="civil_affairs"))
    messages = told(fired("page_next", "police", people=("ST091",)), case)
    assert people(messages).keys() <= {"ST088", "ST089", "ST090"}  # the coordinator's people instead
    assert people(messages)


def test_a_moved_place_sends_the_new_grid_member_and_later_breaches_go_to_the_new_village() -> None:
    moved = revised("red", "red", cause="amendment", place=Place(village="V06", group="V06-G4"))
    case = facts(opened(referrals=(referral("police", "lead"),)), moved)
    assert (case.village, case.group_code) == ("V06", "V06-G4")
    assert people(told(fired("breach", "village_director"), case)).keys() == {"ST062"}


def test_a_notice_owed_by_hand_is_asked_of_the_coordinator_once_with_its_limit() -> None:
    owed = notice("N-11", "county_education", status="manual")
    event = opened(external_notices=("county_education",), notices=(owed,))
    messages = [m for m in told(event) if m.kind in {"manual_notice", "manual_notice_to_give"}]
    assert [m.recipient for m in messages] == ["county_education", "YX-CA"]
    assert messages[1].codes["notice_id"] == str(id_of("notice"))
    assert messages[1].codes["due_at"] == TUESDAY.isoformat()


def test_two_notices_to_one_body_for_two_reasons_are_both_asked_for() -> None:
    owed = tuple(notice("N-11", "court", status="manual", name=name) for name in ("one", "other"))
    assert len(queue_of(told(revised("red", "red", notices=owed), facts()), "manual_notice_to_give")) == 2


def test_a_notice_already_given_is_not_asked_for() -> None:
    given = revised("red", "red", notices=(notice("N-11", "court", status="given"),))
    assert outside(told(given, facts())) == set()


def queue_of(messages: tuple[Message, ...], kind: str) -> list[Message]:
    return [message for message in messages if message.kind == kind and message.recipient_kind == "organisation"]


def test_a_gap_ahead_is_told_to_those_who_will_stand_in_then() -> None:
    tonight = TUESDAY + timedelta(hours=8)
    messages = told(gap(starts_at=tonight, ends_at=tonight + HOUR), known(gap()))
    assert "ST093" in people(messages, "standing_in")
    assert queues(messages, "configuration_alarm") == {"YX-GOV"}


def test_a_vacant_post_of_a_group_is_told_to_its_village() -> None:
    event = gap("V01-G2", kind="vacant_post", post="grid_member", fallback=())
    assert queues(told(event, known(event)), "roster_gap") == {"V01-VC"}


# Who learns only the task ------------------------------------------------------------------------------------------


def test_money_of_a_case_reaches_finance_without_the_case() -> None:
    messages = told(money("approved"), facts())
    assert {message.masked for message in messages} == {True}
    assert all("case_number" not in content(message, APP, NUMBER, POLICY) for message in messages)


def test_both_departments_that_may_approve_are_told_and_the_coordinator_sees_the_case() -> None:
    messages = told(money("requested"), facts())
    assert queues(messages) == {"YX-CA", "YX-GOV"}
    assert {m.masked for m in messages if m.recipient == "YX-CA"} == {False}


def test_a_measure_owner_without_a_part_in_the_case_learns_its_task_only() -> None:
    (unit, *_) = queue_of(told(measure("requested", "justice"), facts()), "measure_requested")
    assert (unit.recipient, unit.masked) == ("YX-JO", True)
    (unit, *_) = queue_of(told(measure("requested"), facts()), "measure_requested")
    assert (unit.recipient, unit.masked) == ("YX-HC", False)


@pytest.mark.parametrize("event", [measure("requested", organisation="WATCH-1"), task(organisation="WATCH-1")])
def test_a_provider_gets_the_text_of_its_task_and_nothing_of_the_case(event: Payload) -> None:
    where = township().model_copy(update={"providers": (Provider(code="WATCH-1", kind="neighbour_watcher"),)})
    (message,) = [m for m in told(event, facts(), where=where) if m.recipient == "WATCH-1"]
    assert message.masked
    assert content(message, APP, NUMBER, POLICY).keys() <= {"task", "due_at"}
    assert content(message, APP, NUMBER, POLICY)["task"] == "MEDICAL_AID"


SAFETY_TASK = referral("health", "assist", "SAFETY-ONLY", masked=True).model_copy(update={"safety_only": True})
RESTRICTED = (
    opened(restricted=True, referrals=TEAM[:2]),
    revised("red", "red", cause="safety_only_task", restricted=True, referrals=(SAFETY_TASK,)),
)


def test_a_safety_only_task_reaches_its_department_without_the_case() -> None:
    messages = told(RESTRICTED[1], facts(*RESTRICTED))
    assert people(messages, "safety_task_issued").keys() == {"ST095"}
    assert queues(messages) == {"YX-HC"}
    for message in messages:
        assert content(message, APP, NUMBER, POLICY).keys() == {"role", "department", "referral_id"}
        assert content(message, "sms", NUMBER, POLICY) == {}


def test_a_department_with_a_safety_only_task_has_no_part_in_anything_else() -> None:
    case = facts(*RESTRICTED)
    assert "health" not in case.roles
    for event in (amended("facts"), safe(), closed(), placement("started"), resumed(), revised("orange", "red")):
        assert "YX-HC" not in queues(told(event, case))
    late = told(fired("breach", "health", department="health", organisation="YX-HC"), case)
    assert {message.masked for message in late if message.recipient in {"YX-HC", "ST095"}} == {True}


def test_a_full_referral_afterwards_gives_the_department_its_part() -> None:
    full = revised("red", "red", referrals=(referral("health", "assist"),))
    case = facts(*RESTRICTED, full)
    assert (case.roles["health"], case.safety_only) == ("assist", frozenset())


def test_a_village_with_a_safety_only_task_hears_of_its_task_and_of_nothing_else() -> None:
    task = referral("village_committee", "assist").model_copy(update={"safety_only": True})
    gave = revised("red", "red", cause="safety_only_task", restricted=True, referrals=(task,))
    case = facts(RESTRICTED[0], gave)
    assert queues(told(gave, case)) == {"V01-VC"}
    assert people(told(fired("breach", "child_director"), case)).keys() == {"ST089"}


def test_a_revoked_department_hears_that_and_nothing_more() -> None:
    gone = act(dispatch.ReferralRevoked, reason="not_needed")
    case = facts(opened(), gone)
    assert {message.masked for message in told(gone, case)} == {True}
    assert "YX-HC" not in queues(told(closed(), case))
    assert told(act(dispatch.ReferralRevoked, reason="x"), facts(opened(conflict_unit="health"))) == ()


# Texts that leave ---------------------------------------------------------------------------------------------------

LABELS = {level: POLICY.label("level", level) for level in LEVELS}
FIXED = {outside_text({"case_number": "#", "level": level}, POLICY) for level in LEVELS} | {NO_CASE}
NEWS: list[Payload] = [event for _, event, *_ in TABLE]
CHANGES: list[Callable[[], CaseFacts]] = [facts, lambda: facts(*RESTRICTED), lambda: facts(opened("yellow"))]


@given(
    event=st.sampled_from(NEWS),
    level=st.sampled_from(LEVELS),
    case=st.sampled_from(CHANGES),
    number=st.from_regex(re.compile(r"YX-20[0-9]{2}-[0-9]{6}"), fullmatch=True),
    channel=st.sampled_from(["sms", "call", "manual"]),
)
def test_a_text_message_never_holds_more_than_number_level_and_fixed_words(
    event: Payload, level: Level, case: Callable[[], CaseFacts], number: str, channel: str
) -> None:
    now = at(level, event)
    about = case() if getattr(now, "case_id", None) else known(now, level)
    for message in told(now, about):
        text = outside_text(content(message, channel, number if about.case_number else "", POLICY), POLICY)
        assert text.replace(number, "#") in FIXED
        assert not message.masked or text == NO_CASE
