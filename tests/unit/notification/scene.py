"""The sample township, a RED case in Songling Village on a Tuesday afternoon, and the events that happen to it."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from contracts import assistance, dispatch, intake, risk_scoring
from contracts.directory import TownshipPublished
from contracts.envelope import Payload
from contracts.vocabulary import Actor, Level, Place, Role
from services.directory.domain.reference_file import read_township
from services.directory.domain.snapshot import snapshot
from services.notification.domain.case import CaseFacts, remembered, undispatched
from services.notification.domain.message import Message
from services.notification.domain.notices import who_is_told
from tests.samples.golden import FOLDER, POLICY

TUESDAY = datetime.fromisoformat("2026-03-24T14:21:40+08:00")
TUESDAY_NIGHT = datetime.fromisoformat("2026-03-24T23:00:00+08:00")
ORGANISATIONS = {
    "police": "YX-PS", "civil_affairs": "YX-CA", "village_committee": "V01-VC", "health": "YX-HC",
    "township_government": "YX-GOV", "justice": "YX-JO", "women_federation": "YX-WF",
}  # fmt: skip
OFFICER = Actor(kind="person", account="a-1", staff="ST089", organisation="YX-CA", department="civil_affairs")


def id_of(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


CASE = id_of("case")
NUMBER = "YX-2026-000101"


@cache
def township() -> TownshipPublished:
    """What the directory announces of the sample township."""
    return snapshot(read_township((FOLDER / "township.yaml").read_text(encoding="utf-8")), 1, id_of("publication"))


def without_roster(*organisations: str, people: bool = True) -> TownshipPublished:
    """The township with the rosters of these organisations empty; without `people` the duty room's too."""
    units = [
        unit.model_copy(update={"shifts": ()}) if unit.code in organisations else unit
        for unit in township().organisations
    ]
    more: dict[str, Any] = {} if people else {"duty_room": (), "posts": {}}
    return township().model_copy(update={"organisations": tuple(units), **more})


def referral(department: str, role: Role, *because: str, masked: bool = False) -> dispatch.ReferralIssued:
    return dispatch.ReferralIssued(
        referral_id=id_of(f"referral {department}"),
        department=department,
        organisation=ORGANISATIONS[department],
        role=role,
        because=because or ("RAISE-RED",),
        masked=masked,
    )


TEAM = (
    referral("police", "lead", "H1"),
    referral("civil_affairs", "assist"),
    referral("village_committee", "assist"),
    referral("health", "assist", "RAISE-INJURY"),
    referral("township_government", "inform"),
)


def armed(step: str, tier: str, department: str) -> dispatch.DeadlineArmed:
    return dispatch.DeadlineArmed(
        deadline_id=id_of(step), step=step, tier=tier, department=department, anchor="received",
        anchor_at=TUESDAY, due_at=TUESDAY,
    )  # fmt: skip


ARRIVALS = (armed("S5a", "group", "village_committee"), armed("S5b", "village", "village_committee"))


def opened(level: Level = "red", **changes: Any) -> dispatch.ResponseOpened:
    content: dict[str, Any] = {
        "case_id": CASE, "case_number": NUMBER, "response_id": id_of("response"), "response_no": 1,
        "report_id": id_of("report"), "township": "YX", "level": level, "restricted": False, "concerns": ("H1",),
        "place": Place(village="V01", group="V01-G2", zone="rural"), "case_lead": "police",
        "coordinator": "civil_affairs", "received_at": TUESDAY, "dispatched_at": TUESDAY, "referrals": TEAM,
        "deadlines": ARRIVALS, "policy_version": "2026-11",
    }  # fmt: skip
    return dispatch.ResponseOpened(**content | changes)


def revised(before: Level, level: Level, **changes: Any) -> dispatch.ResponseRevised:
    content: dict[str, Any] = {
        "case_id": CASE, "case_number": NUMBER, "response_id": id_of("response"), "township": "YX",
        "cause": "manual_raise", "level_before": before, "level": level, "restricted": False, "concerns": ("H1",),
        "case_lead": "police", "coordinator": "civil_affairs", "revised_at": TUESDAY, "policy_version": "2026-11",
    }  # fmt: skip
    return dispatch.ResponseRevised(**content | changes)


def fired(stage: dispatch.Stage, *targets: str, **changes: Any) -> dispatch.DeadlineFired:
    content: dict[str, Any] = {
        "case_id": CASE, "case_number": NUMBER, "township": "YX", "deadline_id": id_of("S4"), "step": "S4",
        "tier": "township", "department": "police", "organisation": "YX-PS", "referral_id": id_of("referral police"),
        "place": Place(village="V01", group="V01-G2", zone="rural"), "level": "red", "stage": stage,
        "targets": targets, "due_at": TUESDAY, "planned_at": TUESDAY, "fired_at": TUESDAY, "lateness_seconds": 0.0,
        "policy_version": "2026-11",
    }  # fmt: skip
    return dispatch.DeadlineFired(**content | changes)


def act(kind: type[dispatch.ReferralAct], department: str = "health", **changes: Any) -> Any:
    content: dict[str, Any] = {
        "case_id": CASE, "case_number": NUMBER, "referral_id": id_of(f"referral {department}"),
        "department": department, "organisation": ORGANISATIONS[department], "role": "assist", "level": "red",
        "township": "YX", "by": OFFICER, "at": TUESDAY,
    }  # fmt: skip
    return kind(**content | changes)


def overdue(repeat_no: int) -> intake.DispatchOverdue:
    return intake.DispatchOverdue(
        case_id=CASE, case_number=NUMBER, report_id=id_of("report"), township="YX", received_at=TUESDAY,
        due_at=TUESDAY, fired_at=TUESDAY, repeat_no=repeat_no,
    )  # fmt: skip


def lowering(level_from: Level = "red", level_to: Level = "orange") -> risk_scoring.LevelLoweringProposed:
    return risk_scoring.LevelLoweringProposed(
        case_id=CASE, proposal_id=id_of("proposal"), level_from=level_from, level_to=level_to,
        reason_note_id=id_of("note 1"), best_interest_note_id=id_of("note 2"), proposed_by=OFFICER, proposed_at=TUESDAY,
    )  # fmt: skip


def closure_requested() -> assistance.ClosureRequested:
    return assistance.ClosureRequested(
        case_id=CASE, closure_id=id_of("closure"), reason="GOAL_MET", by=OFFICER, at=TUESDAY
    )


def closed() -> assistance.CaseClosed:
    return assistance.CaseClosed(
        case_id=CASE, case_number=NUMBER, township="YX", closure_id=id_of("closure"), reason="GOAL_MET",
        highest_level="red", proposed_by=OFFICER, decided_by=(OFFICER,), at=TUESDAY,
    )  # fmt: skip


def facts(*events: Payload) -> CaseFacts:
    """The case after these events; a RED response when none is given."""
    case: CaseFacts | None = None
    for event in events or (opened(),):
        case = remembered(case, event, POLICY)
    return case or undispatched(CASE, NUMBER, "YX", None, POLICY)


def told(
    event: Payload,
    case: CaseFacts | None = None,
    *,
    at: datetime = TUESDAY,
    where: TownshipPublished | None = None,
) -> tuple[Message, ...]:
    """Who is told of an event; the case as the event itself leaves it unless given."""
    return who_is_told(event, where or township(), case or facts(event), POLICY, at)


def people(messages: Iterable[Message], kind: str | None = None) -> dict[str, tuple[str, ...]]:
    """Staff → channels."""
    return {m.recipient: m.channels for m in messages if m.recipient_kind == "staff" and kind in (None, m.kind)}


def queues(messages: Iterable[Message], kind: str | None = None) -> set[str]:
    """Organisations whose queue shows something."""
    return {m.recipient for m in messages if m.recipient_kind == "organisation" and kind in (None, m.kind)}


def outside(messages: Iterable[Message]) -> set[str]:
    """Bodies outside the system."""
    return {m.recipient for m in messages if m.recipient_kind == "external"}
