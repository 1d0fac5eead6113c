"""Events and people for the tests of risk scoring. Everybody is invented."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from chassis.testing import Running
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    DeadlineFired,
    ReferralIssued,
    ResponseOpened,
    SafetyConfirmed,
)
from contracts.intake import ReportAmended, ReportReceived
from contracts.vocabulary import Actor, ChildIntake, Place, ReportDigest, Reporter, Role

NOW = datetime(2026, 3, 24, 6, 20, tzinfo=UTC)
OPERATOR = Actor(kind="person", account="op-1", staff="ST900", organisation="HOTLINE")
WORKER = Actor(kind="person", account="ca-1", staff="ST301", organisation="CA", department="civil_affairs")

DESK: dict[str, Any] = {"sub": "op-1", "posts": ["hotline_operator"]}
CIVIL_AFFAIRS: dict[str, Any] = {"sub": "ca-1", "staff": "ST301", "dept": "civil_affairs", "org": "CA"}
SUPERVISOR: dict[str, Any] = {
    "sub": "ca-9",
    "staff": "ST309",
    "dept": "civil_affairs",
    "org": "CA",
    "posts": ["civil_affairs_supervisor"],
}
POLICE: dict[str, Any] = {"sub": "po-1", "staff": "ST401", "dept": "police", "org": "PS"}
LEAGUE: dict[str, Any] = {"sub": "yl-1", "staff": "ST501", "dept": "youth_league", "org": "YL"}
VILLAGE: dict[str, Any] = {
    "sub": "vc-1",
    "staff": "ST002",
    "dept": "village_committee",
    "org": "V01-VC",
    "posts": ["child_director"],
    "villages": ["V01"],
}

ZERO_POINTS = {
    "A1": "none", "A2": "none", "A3": "none", "A4": "first", "A5": "none", "B2": "none", "B3": "none", "B4": "daily",
    "C1": "adequate", "C2": "cooperative", "C3": "none", "C4": "none", "D1": "met", "D2": "ok", "D3": "ok",
    "D4": "stable", "E1": "strong", "E2": "none", "E3": "none",
}  # fmt: skip
"""A child with every factor at its 0-point option, as in the rule checks."""


def id_of(name: str) -> UUID:
    """A stable id for a name."""
    return uuid5(NAMESPACE_URL, name)


def child(name: str = "first", **said: Any) -> ChildIntake:
    """One child's structured intake; `answers` are added to the 0-point ones."""
    return ChildIntake(
        child_id=id_of(name),
        case_id=id_of(f"case {name}"),
        case_number=f"YX-{name}",
        concerns=tuple(said.get("concerns", ())),
        facts={"age": 9, **said.get("facts", {})},
        answers={**ZERO_POINTS, **said.get("answers", {})},
    )


def report(
    name: str = "report 1",
    *children: ChildIntake,
    disposition: Any = "case_opened",
    response_no: int = 1,
    mandated: bool = False,
    at: datetime = NOW,
    household: tuple[UUID, ...] | None = None,
) -> ReportReceived:
    """A report on the case of the child called "first"."""
    return ReportReceived(
        case_id=id_of("case first"),
        case_number="YX-first",
        response_no=response_no,
        report=ReportDigest(
            report_id=id_of(name),
            disposition=disposition,
            channel="hotline_a",
            received_at=at,
            reporter=Reporter(kind="teacher" if mandated else "public", mandated=mandated),
            place=Place(village="V01", group="V01-G2", zone="rural"),
            township="YX",
        ),
        children=children or (child(),),
        policy_version="2026-11",
        recorded_by=OPERATOR,
        recorded_at=at + timedelta(minutes=2),
        household_cases=household,
    )


CASE = id_of("case first")
KEY = str(CASE)


def amendment(*children: ChildIntake, **changes: Any) -> ReportAmended:
    """What was learned of the first report later."""
    content: dict[str, Any] = {
        "case_id": CASE,
        "case_number": "YX-first",
        "township": "YX",
        "response_no": 1,
        "report_id": id_of("report 1"),
        "amendment_id": id_of("amendment"),
        "aspects": ("facts",),
        "children": children,
        "by": OPERATOR,
        "at": NOW + timedelta(minutes=30),
    }
    return ReportAmended(**{**content, **changes})


def with_role(department: str, role: Role) -> dict[str, Any]:
    """A response that also gives this department a role."""
    referral = ReferralIssued(referral_id=id_of(department), department=department, organisation=department, role=role)
    return {"referrals": (*response().referrals, referral)}


def response(**changes: Any) -> ResponseOpened:
    """The fan-out of the first round: police lead, civil affairs and village assist, youth league informed."""
    roles: dict[str, Role] = {
        "police": "lead",
        "civil_affairs": "assist",
        "village_committee": "assist",
        "youth_league": "inform",
    }
    content: dict[str, Any] = {
        "case_id": CASE,
        "case_number": "YX-first",
        "response_id": id_of("response"),
        "response_no": 1,
        "report_id": id_of("report 1"),
        "township": "YX",
        "level": "orange",
        "restricted": False,
        "concerns": (),
        "place": Place(village="V01", group="V01-G2"),
        "case_lead": "police",
        "coordinator": "civil_affairs",
        "received_at": NOW,
        "dispatched_at": NOW,
        "referrals": tuple(
            ReferralIssued(referral_id=id_of(department), department=department, organisation=department, role=role)
            for department, role in roles.items()
        ),
        "deadlines": (),
        "policy_version": "2026-11",
    }
    return ResponseOpened(**{**content, **changes})


def _act(**changes: Any) -> dict[str, Any]:
    return {
        "case_id": CASE,
        "case_number": "YX-first",
        "referral_id": id_of("civil_affairs"),
        "department": "civil_affairs",
        "organisation": "CA",
        "role": "assist",
        "level": "orange",
        "township": "YX",
        "by": WORKER,
        "at": NOW + timedelta(hours=1),
        **changes,
    }


def findings(name: str = "first", **found: Any) -> AssessmentRecorded:
    """A signed written assessment of one child."""
    return AssessmentRecorded(**_act(child_id=id_of(name), **found))


def arrival(child_seen: bool = True, **changes: Any) -> ArrivalReported:
    """The village arrived."""
    when = {"tier": "village", "arrived_at": NOW + timedelta(minutes=40), "child_seen": child_seen}
    return ArrivalReported(**_act(**when, **changes))


def safety(basis: str = "safety_plan") -> SafetyConfirmed:
    """S6."""
    return SafetyConfirmed(**_act(confirmed_at=NOW + timedelta(hours=2), basis=basis, response_no=1))


def breach(step: str, name: str = "deadline") -> DeadlineFired:
    """A clock of the case passed its limit."""
    return fired(step, "breach", NOW + timedelta(hours=2), name)


def fired(step: str, stage: Any, due_at: datetime, name: str = "deadline") -> DeadlineFired:
    """A clock of the case ran."""
    at = due_at if stage == "breach" else NOW
    return DeadlineFired(
        case_id=CASE,
        case_number="YX-first",
        township="YX",
        deadline_id=id_of(name),
        step=step,
        tier="group",
        department=None,
        organisation=None,
        referral_id=None,
        place=Place(village="V01"),
        level="orange",
        stage=stage,
        due_at=due_at,
        planned_at=at,
        fired_at=at,
        lateness_seconds=0,
        policy_version="2026-11",
    )


async def happen(app: Running, *payloads: Any) -> None:
    """Deliver events of this case, in order, and let the service react."""
    for payload in payloads:
        await app.publish(payload, KEY)
        await app.settle()


async def risk(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS) -> dict[str, Any]:
    """The case's level as somebody sees it."""
    answer = await app.client.get(f"/api/v1/assessments/cases/{CASE}", headers=app.as_(**who))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def act(
    app: Running, path: str, who: dict[str, Any], body: Any = None, *, version: int | None = None, key: str = ""
) -> httpx.Response:
    """Send a command on the case at its present version (or at `version`)."""
    now_version = version if version is not None else (await risk(app))["version"]
    headers = {**app.as_(**who), "If-Match": f'"v{now_version}"'}
    if key:
        headers["Idempotency-Key"] = key
    return await app.client.post(f"/api/v1/assessments/cases/{CASE}/{path}", json=body, headers=headers)


def lowering(to: str) -> dict[str, str]:
    """The body of a proposal."""
    return {"to": to, "reason_note_id": str(id_of("reason")), "best_interest_note_id": str(id_of("best interest"))}
