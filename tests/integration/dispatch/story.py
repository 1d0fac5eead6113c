"""The sample township, the golden reports as scored, and the people who act. Everybody is invented."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from chassis.testing import Running
from contracts.directory import Group, Organisation, TownshipPublished, Village
from contracts.dispatch import ResponseOpened, ResponseRevised
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import Actor, Place, ReportDigest, Reporter
from services.risk_scoring.domain import assess, report_level
from tests.samples.golden import POLICY, children_of, golden_case, moment, read, reporter_of

OPERATOR = Actor(kind="person", account="op-1", staff="ST127", organisation="YX-HL")


def person(department: str, organisation: str, *posts: str, **more: Any) -> dict[str, Any]:
    """Token claims of somebody in a department."""
    account = f"{organisation}-{'-'.join(posts) or 'staff'}".lower()
    return {"sub": account, "staff": account, "dept": department, "org": organisation, "posts": list(posts), **more}


POLICE = person("police", "YX-PS")
CIVIL = person("civil_affairs", "YX-CA")
HEALTH = person("health", "YX-HC")
JUSTICE = person("justice", "YX-JO")
SCHOOL = person("school", "YX-SCH1")
LEADER = person("township_government", "YX-GOV", "responsible_leader")
WOMEN = person("women_federation", "YX-WF")
DIRECTOR = person("village_committee", "V01-VC", "child_director", villages=["V01"])
GRID = person("village_committee", "V01-VC", "grid_member", villages=["V01"], groups=["V01-G2"])
OTHER_GRID = person("village_committee", "V01-VC", "grid_member", villages=["V01"], groups=["V01-G3"])
OTHER_VILLAGE = person("village_committee", "V02-VC", "child_director", villages=["V02"])
CLIENT = person("police", "YX-PS", kind="client", scopes=["referrals:read", "referrals:act"])


def id_of(name: str) -> UUID:
    """A stable id for a name."""
    return uuid5(NAMESPACE_URL, name)


def township(version: int = 1) -> TownshipPublished:
    """The sample township as the directory publishes it, without duty rosters."""
    sample = read("township.yaml")
    villages, groups = [], []
    for area in sample["areas"]:
        villages.append(
            Village(
                code=area["code"],
                zone=area["zone"],
                organisation=area["org"],
                director=area["director"],
                child_director=area["child_director"],
                responsible=area["responsible"],
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
            Organisation(code=o["code"], department=o["department"], kind=o["kind"], grades=o.get("grades"))
            for o in sample["organisations"]
        ),
        posts={},
        policy_version="2026-11",
        publication_id=id_of(f"publication {version}"),
    )


def place_of(case: Any) -> Place:
    """Where the golden child is; the zone follows from the group."""
    village, number = case["place"]["village"], case["place"]["group"]
    zones = {g["code"]: g["zone"] for area in read("township.yaml")["areas"] for g in area["groups"]}
    group = f"{village}-G{number}" if village and number else None
    return Place(village=village, group=group, zone=zones.get(group or ""), outside="outside" in case["place"])


def scored(
    name: str, *, case: str | None = None, response_no: int = 1, report: str | None = None, **changes: Any
) -> RiskAssessed:
    """A golden report as risk scoring announces it; `case` and `report` name them otherwise."""
    golden = golden_case(name)
    reporter = reporter_of(golden)
    results = assess(children_of(golden), (reporter,), POLICY)
    received = moment(golden["received_at"])
    known_as = case or name
    children = tuple(
        ChildAssessment.model_validate(
            {
                **asdict(one),
                "child_id": id_of(f"{known_as} child {n}"),
                "case_id": id_of(f"{known_as} case"),
            }
        )
        for n, one in enumerate(results)
    )
    content: dict[str, Any] = {
        "case_id": id_of(f"{known_as} case"),
        "case_number": known_as,
        "response_no": response_no,
        "assessment_id": id_of(f"{report or name} assessment"),
        "cause": "report",
        "report": ReportDigest(
            report_id=id_of(f"{report or name} report"),
            disposition=golden["expected"]["disposition"],
            channel=golden["channel"],
            received_at=received,
            reporter=Reporter(kind=reporter.kind, mandated=reporter.mandated),
            place=place_of(golden),
            township="YX",
        ),
        "children": children,
        "report_level": report_level(results, POLICY),
        "computed_level": report_level(results, POLICY),
        "restricted": any(one.restricted for one in results),
        "provisional": any(one.provisional for one in results),
        "mandated": reporter.mandated,
        "instrument": "risk-v1",
        "policy_version": "2026-11",
        "effective_at": received,
        "assessed_at": received + timedelta(seconds=1),
        "assessed_by": OPERATOR,
    }
    return RiskAssessed(**{**content, **changes})


def again(before: RiskAssessed, cause: str, level: str, at: datetime, **changes: Any) -> RiskAssessed:
    """The same children assessed again by an act at `at`."""
    update = {
        "cause": cause,
        "report": None,
        "report_level": level,
        "assessment_id": id_of(f"{cause} {level} {at}"),
        "children": tuple(child.model_copy(update={"level": level}) for child in before.children),
        "effective_at": at,
        "assessed_at": at,
        "assessed_by": Actor(kind="person", account="ca-1", department="civil_affairs"),
        **changes,
    }
    return before.model_copy(update=update)


async def deliver(app: Running, payload: Any, key: UUID | str) -> None:
    """Publish somebody else's event and let dispatch take it in."""
    await app.publish(payload, str(key))
    await app.settle()


async def opened(app: Running, name: str, *, after: timedelta = timedelta(minutes=1), **changes: Any) -> "Story":
    """Publish the township once, open the response to a golden report `after` its receipt, and hold what came of it."""
    data = scored(name, **changes)
    assert data.report is not None
    await app.set_clock(data.report.received_at + after)
    await deliver(app, township(), "YX")
    await deliver(app, data, data.case_id)
    event = (await app.published(ResponseOpened))[-1]
    return Story(app, data, event)


@dataclass
class Story:
    """One response under test."""

    app: Running
    data: RiskAssessed
    opened: ResponseOpened

    @property
    def key(self) -> str:
        return str(self.data.case_id)

    @property
    def received(self) -> datetime:
        assert self.data.report is not None
        return self.data.report.received_at

    def referral(self, department: str) -> UUID:
        """The referral issued to a department when the response opened."""
        return next(r.referral_id for r in self.opened.referrals if r.department == department)

    def due(self, step: str, department: str | None = None) -> datetime:
        """When a step was due as announced at opening."""
        return next(d.due_at for d in self.opened.deadlines if d.step == step and department in (None, d.department))

    async def get(self, who: dict[str, Any], path: str, **params: Any) -> httpx.Response:
        return await self.app.client.get(f"/api/v1{path}", headers=self.app.as_(**who), params=params)

    async def view(self, who: dict[str, Any]) -> Any:
        """The response as the API shows it."""
        answer = await self.get(who, f"/responses/{self.key}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def clock(self, step: str, department: str | None = None) -> Any:
        """A clock of the response as the API shows it, by step and owing department."""
        view = await self.view(CIVIL)
        found = [d for d in view["deadlines"] if d["step"] == step and department in (None, d["department"])]
        assert len(found) == 1, found
        return found[0]

    async def act(
        self,
        who: dict[str, Any],
        action: str,
        body: dict[str, Any] | None = None,
        *,
        on: UUID | str | None = None,
        version: int | str | None = "current",
        key: str | None = None,
    ) -> httpx.Response:
        """POST an action on the caller's own referral (or `on`), by default against its current version."""
        referral = on or self.referral(who["dept"])
        headers = self.app.as_(**who)
        if version == "current":
            async with self.app.database.reading() as db:
                version = await db.fetchval("SELECT version FROM referral WHERE referral_id = $1", UUID(str(referral)))
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.app.client.post(
            f"/api/v1/referrals/{referral}/actions/{action}", json=body or {}, headers=headers
        )

    async def must(self, who: dict[str, Any], action: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
        """An action that must succeed; the referral as answered."""
        answer = await self.act(who, action, body, **more)
        assert answer.status_code == 200, (action, answer.status_code, answer.text)
        return answer.json()

    async def revised(self) -> ResponseRevised:
        """The newest revision announced."""
        event: ResponseRevised = (await self.app.published(ResponseRevised))[-1]
        return event

    async def now(self) -> datetime:
        return await self.app.database.now()


async def seen_and_safe(story: Story, lead: dict[str, Any]) -> None:
    """The lead arrives, sees the child, and confirms that it is safe."""
    at = (await story.now()).isoformat()
    await story.must(lead, "acknowledge")
    await story.must(lead, "report-arrival", {"arrived_at": at, "child_seen": True})
    await story.must(lead, "confirm-safety", {"basis": "safe_place", "confirmed_at": at})
