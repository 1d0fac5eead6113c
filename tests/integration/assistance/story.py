"""Events and people for the tests of assistance. Everybody is invented."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from chassis.testing import Running
from contracts.dispatch import (
    ArrivalReported,
    AssessmentRecorded,
    FeedbackGiven,
    ReferralCompleted,
    ReferralIssued,
    ResponseOpened,
    ResponseRevised,
    SafetyConfirmed,
)
from contracts.intake import ReportReceived
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import Actor, ChildIntake, Level, Place, ReportDigest, Reporter, Role

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SAFE = START + timedelta(hours=3)
WORKER = Actor(kind="person", account="ca-1", staff="ST301", organisation="CA", department="civil_affairs")

CIVIL_AFFAIRS: dict[str, Any] = {"sub": "ca-1", "staff": "ST301", "dept": "civil_affairs", "org": "CA"}
COLLEAGUE: dict[str, Any] = {"sub": "ca-2", "staff": "ST302", "dept": "civil_affairs", "org": "CA"}
POLICE: dict[str, Any] = {"sub": "po-1", "staff": "ST401", "dept": "police", "org": "PS"}
HEALTH: dict[str, Any] = {"sub": "he-1", "staff": "ST601", "dept": "health", "org": "HC"}
LEAGUE: dict[str, Any] = {"sub": "yl-1", "staff": "ST501", "dept": "youth_league", "org": "YL"}
LEADER: dict[str, Any] = {
    "sub": "tg-1", "staff": "ST201", "dept": "township_government", "org": "TG", "posts": ["responsible_leader"],
}  # fmt: skip
VILLAGE: dict[str, Any] = {
    "sub": "vc-1", "staff": "ST002", "dept": "village_committee", "org": "V01-VC",
    "posts": ["child_director"], "villages": ["V01"],
}  # fmt: skip
GRID: dict[str, Any] = {
    "sub": "gr-1", "staff": "ST006", "dept": "village_committee", "org": "V01-VC",
    "posts": ["grid_member"], "villages": ["V01"], "groups": ["V01-G2"],
}  # fmt: skip


def id_of(name: str) -> UUID:
    """A stable id for a name."""
    return uuid5(NAMESPACE_URL, name)


CASE = id_of("case first")
KEY = str(CASE)
ROLES: dict[str, Role] = {
    "police": "lead",
    "civil_affairs": "assist",
    "village_committee": "assist",
    "youth_league": "inform",
}


def digest(name: str, disposition: Any, at: datetime) -> ReportDigest:
    return ReportDigest(
        report_id=id_of(name),
        disposition=disposition,
        channel="hotline_a",
        received_at=at,
        reporter=Reporter(kind="public"),
        place=Place(village="V01", group="V01-G2", zone="rural"),
        township="YX",
    )


def report(
    name: str = "report 1", *, disposition: Any = "case_opened", response_no: int = 1, at: datetime = START
) -> ReportReceived:
    """A report on the case."""
    return ReportReceived(
        case_id=CASE,
        case_number="YX-1",
        response_no=response_no,
        report=digest(name, disposition, at),
        children=(ChildIntake(child_id=id_of("child"), case_id=CASE, case_number="YX-1"),),
        policy_version="2026-11",
        recorded_by=WORKER,
        recorded_at=at,
    )


def risk(level: Level = "orange", *, score: int = 45, response_no: int = 1, **changes: Any) -> RiskAssessed:
    """What scoring announced; `fired`, `facts` and `children` may be given."""
    one = ChildAssessment(
        child_id=id_of("child"),
        case_id=CASE,
        level=level,
        score=score,
        score_known=score,
        score_upper=score,
        completeness=100,
        band=level,
        provisional=False,
        fired=changes.pop("fired", ()),
        facts=changes.pop("facts", {"age": 9}),
    )
    content: dict[str, Any] = {
        "case_id": CASE,
        "case_number": "YX-1",
        "response_no": response_no,
        "assessment_id": id_of(f"assessment {level} {score} {response_no}"),
        "cause": "assessment",
        "children": (one,),
        "report_level": level,
        "computed_level": level,
        "restricted": False,
        "provisional": False,
        "mandated": False,
        "instrument": "risk-v1",
        "policy_version": "2026-11",
        "effective_at": START,
        "assessed_at": START,
        "assessed_by": WORKER,
    }
    return RiskAssessed(**{**content, **changes})


def _issued(roles: dict[str, Role]) -> tuple[ReferralIssued, ...]:
    return tuple(
        ReferralIssued(referral_id=id_of(department), department=department, organisation=department, role=role)
        for department, role in roles.items()
    )


def response(level: Level = "orange", **changes: Any) -> ResponseOpened:
    """The fan-out of a round."""
    content: dict[str, Any] = {
        "case_id": CASE,
        "case_number": "YX-1",
        "response_id": id_of(f"response {changes.get('response_no', 1)}"),
        "response_no": 1,
        "report_id": id_of("report 1"),
        "township": "YX",
        "level": level,
        "restricted": False,
        "concerns": (),
        "place": Place(village="V01", group="V01-G2"),
        "case_lead": "police",
        "coordinator": "civil_affairs",
        "received_at": START,
        "dispatched_at": START,
        "referrals": _issued(ROLES),
        "deadlines": (),
        "policy_version": "2026-11",
    }
    return ResponseOpened(**{**content, **changes})


def revision(level: Level, roles: dict[str, Role], response_no: int = 1) -> ResponseRevised:
    """Referrals added or raised in a running response."""
    return ResponseRevised(
        case_id=CASE,
        case_number="YX-1",
        response_id=id_of(f"response {response_no}"),
        township="YX",
        cause="assessment",
        level_before=level,
        level=level,
        restricted=False,
        concerns=(),
        case_lead="police",
        coordinator="civil_affairs",
        referrals=_issued(roles),
        revised_at=START,
        policy_version="2026-11",
    )


def act_of(department: str = "civil_affairs", **changes: Any) -> dict[str, Any]:
    """The common part of an act on a department's referral."""
    return {
        "case_id": CASE,
        "case_number": "YX-1",
        "referral_id": id_of(department),
        "department": department,
        "organisation": department,
        "role": ROLES.get(department, "assist"),
        "level": "orange",
        "township": "YX",
        "by": WORKER,
        "at": START + timedelta(hours=1),
        **changes,
    }


def arrival(child_seen: bool = True) -> ArrivalReported:
    """The village arrived."""
    return ArrivalReported(
        **act_of("village_committee", tier="village", arrived_at=START + timedelta(hours=1), child_seen=child_seen)
    )


def safety(at: datetime = SAFE, **changes: Any) -> SafetyConfirmed:
    """S6."""
    return SafetyConfirmed(**act_of(**{"confirmed_at": at, "basis": "safety_plan", "response_no": 1, **changes}))


def written(at: datetime = SAFE) -> AssessmentRecorded:
    """S8."""
    return AssessmentRecorded(**act_of(child_id=id_of("child"), at=at))


def completed(department: str) -> ReferralCompleted:
    """A department finished its task."""
    return ReferralCompleted(**act_of(department, outcome="done"))


def feedback(name: str = "report 1", *, possible: bool = True) -> FeedbackGiven:
    """S13."""
    return FeedbackGiven(**act_of(report_id=id_of(name), possible=possible))


async def happen(app: Running, *payloads: Any) -> None:
    """Deliver events of this case, in order, and let the service react."""
    for payload in payloads:
        await app.publish(payload, KEY)
    await app.settle()


async def get(app: Running, path: str, who: dict[str, Any] = CIVIL_AFFAIRS) -> httpx.Response:
    return await app.client.get(f"/api/v1/{path}", headers=app.as_(**who))


async def post(app: Running, path: str, who: dict[str, Any], body: Any = None, **headers: str) -> httpx.Response:
    """A command; at the present version of the case unless If-Match is given."""
    if "if_match" not in headers:
        headers["if_match"] = (await get(app, f"closures/{CASE}")).headers.get("ETag", '"v1"')
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await app.client.post(f"/api/v1/{path}", json=body, headers={**app.as_(**who), **named})


async def visit(
    app: Running, who: dict[str, Any] = GRID, *, key: str, ago: timedelta = timedelta(), **found: Any
) -> httpx.Response:
    """Record a visit that happened `ago`."""
    seen = {"child_seen": True, "in_person": True, "heard_alone": True, "satisfactory": True}
    at = await app.database.now() - ago
    body = {"case_id": KEY, "visited_at": at.isoformat(), **seen, **found}
    return await post(app, "visits", who, body, if_match='"v1"', idempotency_key=key)


CLOSING: dict[str, Any] = {
    "case_id": KEY,
    "reason": "GOAL_MET",
    "summary_note_id": str(id_of("summary")),
    "child_view_note_id": str(id_of("child view")),
    "guardian_view_note_id": str(id_of("guardian view")),
}


async def propose(app: Running, who: dict[str, Any] = VILLAGE, *, key: str = "close", **changes: Any) -> httpx.Response:
    """Propose to close."""
    return await post(app, "closures", who, {**CLOSING, **changes}, if_match='"v1"', idempotency_key=key)


async def decide(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, *, approve: bool = True) -> httpx.Response:
    """Decide on the waiting proposal."""
    return await post(app, f"closures/{CASE}/decide", who, {"approve": approve})


async def concur(app: Running, who: dict[str, Any]) -> httpx.Response:
    """Agree to the waiting proposal."""
    return await post(app, f"closures/{CASE}/concur", who)


async def ready_to_close(app: Running, *, without: str = "", level: Level = "orange", **changes: Any) -> None:
    """A case whose every condition for closing holds, on the day the observation period ends; `without` leaves one out.

    The clock is moved as the work goes on; police led, so they must concur.
    """
    first: list[Any] = [report(), risk(level), response(level, **changes), arrival(), safety()]
    await happen(app, *first)
    tasks = {department: completed(department) for department, role in ROLES.items() if role != "inform"}
    work = {"written_assessment": written(), "feedback": feedback(), **tasks}
    await happen(app, *[event for name, event in work.items() if name != without])
    days = {"red": 90, "orange": 60, "yellow": 30, "blue": 14}[level]
    for name, day in (("first visit", days - 20), ("second visit", days - 3)):
        await app.set_clock(SAFE + timedelta(days=day))
        if name != without:
            assert (await visit(app, CIVIL_AFFAIRS, key=name)).status_code == 201
    if without != "lower level":
        await happen(app, risk("blue", score=12))
    await app.set_clock(SAFE + timedelta(days=days, minutes=1 if without != "observation" else -60))
