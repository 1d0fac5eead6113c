"""The sample township, the people who act, and short ways to say what they do. Everybody is invented."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from chassis.testing import Running
from contracts.assistance import CaseClosed
from contracts.directory import Group, Organisation, Shift, TownshipPublished, Village
from contracts.dispatch import ReferralIssued, ResponseOpened
from contracts.intake import ReportReceived
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import SYSTEM
from tests.samples.golden import read

Claims = dict[str, Any]


def person(department: str | None, *posts: str, sub: str = "", **more: Any) -> Claims:
    """Token claims of somebody on the staff."""
    account = sub or f"{department or 'hotline'}-{'-'.join(posts) or 'staff'}"
    claims = {"sub": account, "staff": account, "org": f"YX-{department}", "posts": list(posts), **more}
    return claims | ({"dept": department} if department else {})


OPERATOR = person(None, "hotline_operator", sub="op-1")
COLLEAGUE = person(None, "hotline_operator", sub="op-2")
CIVIL = person("civil_affairs")
SUPERVISOR = person("civil_affairs", "civil_affairs_supervisor")
POLICE = person("police")
SCHOOL = person("school")
HEALTH = person("health")
FINANCE = person("finance")
DUTY_LEADER = person("township_government", "duty_leader")
CLERK = person("township_government")
AUDITOR = person(None, "auditor")
DIRECTOR = person("village_committee", "child_director", villages=["V06"])
NEIGHBOUR = person("village_committee", "child_director", sub="v01", villages=["V01"])
GRID = person("village_committee", "grid_member", sub="grid", villages=["V06"], groups=["V06-G3"])

SECRETS = {
    "name": "彭乐乐",
    "id_number": "330000202001250019",
    "phone": "00012345678",
    "address": "水塔旁边第三间",
    "guardian_name": "彭大山",
    "school": "中心小学一年级二班",
    "health": "足跟化脓",
    "payee": "彭老太",
}
WORDS = "我住隔壁，孩子天天一个人。"
REPORTER = {"name": "罗阿姨", "phone": "00087654321"}


ON_DUTY = {"school": ("school-staff",), "civil_affairs": ("civil_affairs-staff",), "police": ("police-staff",)}
"""Who stands on the rosters, day and night."""


def standing(*staff: str) -> tuple[Shift, ...]:
    """A roster on which the same people stand all the week."""
    return tuple(Shift(weekday=day, starts="00:00", ends="00:00", staff=staff) for day in range(7))


def township(version: int = 1) -> TownshipPublished:
    """The sample township's areas as the directory publishes them."""
    villages, groups = [], []
    for area in read("township.yaml")["areas"]:
        villages.append(
            Village(
                code=area["code"],
                zone=area["zone"],
                organisation=area["org"],
                director=None,
                child_director=None,
                responsible=None,
            )
        )
        groups += [
            Group(code=g["code"], no=number, village=area["code"], zone=g["zone"], grid=g["grid"]["code"])
            for number, g in enumerate(area["groups"], start=1)
        ]
    return TownshipPublished(
        township="YX",
        version=version,
        villages=tuple(villages),
        groups=tuple(groups),
        organisations=tuple(
            Organisation(code=f"YX-{department}", department=department, kind="department", shifts=standing(*staff))
            for department, staff in ON_DUTY.items()
        ),
        posts={},
        duty_room=standing("duty-room"),
        policy_version="2026-11",
        publication_id=UUID(int=version),
    )


def report_body(**changes: Any) -> dict[str, Any]:
    """A neglected boy in group 3 of V06, told by a neighbour who gave a name."""
    return {
        "channel": "hotline_a",
        "reporter": {"kind": "public", **REPORTER},
        "place": {"village": "V06", "group": 3, "landmark": "水塔"},
        "child": {**SECRETS, "sex": "male", "birth_date": "2019-11-02"},
        "narrative": WORDS,
        "concerns": ["H5"],
        "facts": {"guardian_suspected_harmer": False},
        "answers": {"A1": "none", "A2": "weeks", "C1": "often_unattended"},
        **changes,
    }


@dataclass
class Desk:
    """What people do with the service under test."""

    app: Running
    received: list[ReportReceived] = field(default_factory=list)

    async def post(
        self, path: str, body: Any, claims: Claims = OPERATOR, key: str | None = None, version: int | None = None
    ) -> httpx.Response:
        """A command with a key of its own. `version`: the state it was decided on."""
        headers = {**self.app.as_(**claims), "Idempotency-Key": key or uuid4().hex}
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        return await self.app.client.post(f"/api/v1{path}", json=body, headers=headers)

    async def get(self, path: str, claims: Claims = CIVIL, **query: Any) -> httpx.Response:
        """A reading."""
        return await self.app.client.get(f"/api/v1{path}", params=query or None, headers=self.app.as_(**claims))

    async def report(self, claims: Claims = OPERATOR, **changes: Any) -> dict[str, Any]:
        """A report that is accepted; its answer."""
        answer = await self.post("/reports", report_body(**changes), claims)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def file(self, case_id: str, claims: Claims, fields: str = "all", **query: Any) -> dict[str, dict[str, Any]]:
        """The fields of a file as somebody gets them, by name."""
        answer = await self.get(f"/cases/{case_id}/file", claims, fields=fields, purpose="task", **query)
        assert answer.status_code == 200, answer.text
        return {view["field"]: view for view in answer.json()["fields"]}

    async def announced(self, report_id: str) -> ReportReceived:
        """The event a report left."""
        events: list[ReportReceived] = await self.app.published(ReportReceived)
        return next(e for e in events if str(e.report.report_id) == report_id)

    async def score(self, answer: dict[str, Any], level: str, *, restricted: bool = False) -> None:
        """Risk scoring says its level."""
        event = await self.announced(answer["report_id"])
        children = tuple(
            ChildAssessment(
                child_id=child.child_id,
                case_id=child.case_id,
                level=level,  # type: ignore[arg-type]  # a code of the test
                score=40,
                score_known=30,
                score_upper=60,
                completeness=70,
                band="yellow",
                provisional=False,
                concerns=child.concerns,
                facts=child.facts,
                answers=child.answers,
            )
            for child in event.children
        )
        assessed = RiskAssessed(
            case_id=event.case_id,
            case_number=event.case_number,
            response_no=event.response_no,
            assessment_id=uuid4(),
            cause="report",
            report=event.report,
            children=children,
            report_level=level,  # type: ignore[arg-type]  # a code of the test
            computed_level=level,  # type: ignore[arg-type]  # a code of the test
            restricted=restricted,
            provisional=False,
            mandated=False,
            instrument="risk-v1",
            policy_version="2026-11",
            effective_at=event.report.received_at,
            assessed_at=event.recorded_at,
            assessed_by=SYSTEM,
        )
        await self.app.publish(assessed, str(event.case_id))
        await self.app.settle()

    async def dispatch(self, answer: dict[str, Any], level: str = "yellow", **roles: str) -> None:
        """Dispatch opens the response with these departments."""
        event = await self.announced(answer["report_id"])
        referrals = tuple(
            ReferralIssued(
                referral_id=uuid4(),
                department=department,
                organisation=f"YX-{department}",
                role=role,  # type: ignore[arg-type]  # a code of the test
            )
            for department, role in roles.items()
        )
        opened = ResponseOpened(
            case_id=event.case_id,
            case_number=event.case_number,
            response_id=uuid4(),
            response_no=event.response_no,
            report_id=event.report.report_id,
            township="YX",
            level=level,  # type: ignore[arg-type]  # a code of the test
            restricted=(await self.case(str(event.case_id)))["restricted"],
            concerns=("H5",),
            place=event.report.place,
            case_lead=next((d for d, role in roles.items() if role == "lead"), None),
            coordinator="civil_affairs",
            received_at=event.report.received_at,
            dispatched_at=event.recorded_at + timedelta(seconds=1),
            referrals=referrals,
            deadlines=(),
            children=tuple(child.child_id for child in event.children),
            policy_version="2026-11",
        )
        await self.app.publish(opened, str(event.case_id))
        await self.app.settle()

    async def close(self, answer: dict[str, Any], at: datetime) -> None:
        """Assistance closes the case."""
        closed = CaseClosed(
            case_id=UUID(answer["case_id"]),
            case_number=answer["case_number"],
            township="YX",
            closure_id=uuid4(),
            reason="GOAL_MET",
            highest_level="yellow",
            proposed_by=SYSTEM,
            decided_by=(SYSTEM,),
            at=at,
        )
        await self.app.publish(closed, answer["case_id"])
        await self.app.settle()

    async def case(self, case: str, claims: Claims = SUPERVISOR) -> dict[str, Any]:
        """The case file in codes."""
        answer = await self.get(f"/cases/{case}", claims)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
