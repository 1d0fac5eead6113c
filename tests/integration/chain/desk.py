"""One case and the people who work on it over all services: each act against the version its service shows just then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.chain import Chain
from tests.integration.chain import journey
from tests.integration.chain.steps import CIVIL_AFFAIRS, OPERATOR, act, response_of, send, until

SCHOOL = {"YX-SCH1": "st109", "YX-SCH2": "st112"}


@dataclass(slots=True)
class Desk:
    """A case that was opened at `start`; `report` is the answer the reporter's desk got."""

    product: Chain
    start: datetime
    report: dict[str, Any]

    @property
    def case(self) -> str:
        """The id of the case."""
        return str(self.report["case_id"])

    @property
    def child(self) -> str:
        """The id of its first child."""
        return str(self.report["children"][0]["child_id"])

    def at(self, **after: float) -> str:
        """A moment so long after the report, as a body says it."""
        return (self.start + timedelta(**after)).isoformat()

    async def clock(self, **after: float) -> None:
        """Let every clock show so long after the report."""
        await self.product.set_clock(self.start + timedelta(**after))

    async def now(self) -> str:
        """What the clocks show."""
        return (await journey.now_of(self.product)).isoformat()

    async def note(self, who: str, kind: str = "other") -> str:
        """Write a text into the vault; its id."""
        return await journey.note(self.product, who, self.case, kind)

    async def get(self, service: str, path: str, *, who: str = CIVIL_AFFAIRS, **params: Any) -> Any:
        """Read as somebody."""
        return await self.product.get(who, service, f"/api/v1/{path}", **params)

    async def do(
        self, who: str, service: str, path: str, body: Any = None, *, version: int | None = None
    ) -> dict[str, Any]:
        """A command that must succeed; its answer."""
        answer = await self.product.post(who, service, f"/api/v1/{path}", body or {}, version=version)
        assert answer.status_code in (200, 201), (who, path, answer.status_code, answer.text)
        return dict(answer.json())

    async def assist(self, who: str, path: str, body: Any = None) -> dict[str, Any]:
        """A command at assistance, against the version of the case's ledger."""
        version = await journey.closure_version(self.product, who, self.case)
        return await self.do(who, "assistance", path, body, version=version)

    async def measure(self, who: str, code: str, verb: str, body: Any = None) -> dict[str, Any]:
        """An act on a measure of the plan."""
        listed = (await self.get("assistance", "measures", case_id=self.case))["items"]
        one = next(measure for measure in listed if measure["measure"]["code"] == code)
        return await self.do(who, "assistance", f"measures/{one['measure_id']}/{verb}", body, version=one["version"])

    async def response(self) -> dict[str, Any]:
        """The response as dispatch has it."""
        return await response_of(self.product, self.case)

    async def refer(self, who: str, department: str, action: str, **body: Any) -> dict[str, Any]:
        """An act on a department's open referral."""
        one = self._referral(await self.response(), department)
        return await act(self.product, who, one["referral_id"], action, **body)

    @staticmethod
    def _referral(response: dict[str, Any], department: str) -> dict[str, Any]:
        alive = (one for one in response["referrals"] if one["state"] != "ended")
        return next(one for one in alive if one["department"] == department)

    async def everybody(self, action: str, state: str, **body: Any) -> None:
        """Every department whose referral is in that state takes this act."""
        for one in (await self.response())["referrals"]:
            if one["state"] == state and (action == "acknowledge" or one["role"] != "inform"):
                who = SCHOOL.get(one["organisation"]) or journey.desk(one)
                await act(self.product, who, one["referral_id"], action, **body)

    async def assessed(self, answers: dict[str, str], **facts: Any) -> None:
        """Civil affairs signs a written assessment."""
        text = await self.note(CIVIL_AFFAIRS, "assessment")
        await self.refer(
            CIVIL_AFFAIRS, "civil_affairs", "record-assessment",
            child_id=self.child, note_id=text, answers=answers, facts=facts,
        )  # fmt: skip

    async def level(self, who: str, verb: str, body: Any = None) -> dict[str, Any]:
        """A change of level at risk scoring, against the version it shows."""
        path = f"assessments/cases/{self.case}"
        version = (await self.get("risk_scoring", path))["version"]
        return await self.do(who, "risk_scoring", f"{path}/{verb}", body, version=version)

    async def lowered(self, to: str) -> None:
        """The village proposes a lower level, the supervisor approves; dispatch has it."""
        notes = {"reason_note_id": await self.note("st002"), "best_interest_note_id": await self.note("st002")}
        proposal = await self.level("st002", "lowerings", {"to": to, **notes})
        await self.level(CIVIL_AFFAIRS, f"lowerings/{proposal['proposal_id']}/approve")
        await self.shows_level(to)

    async def shows_level(self, level: str) -> None:
        """Wait until dispatch works at this level."""

        async def ask() -> bool | None:
            return True if (await self.response())["level"] == level else None

        await until(ask, f"the response never became {level}")

    async def visited(self, who: str, rule: str | None = None) -> dict[str, Any]:
        """A satisfactory visit now; `rule` names the planned one it answers."""
        planned = {} if rule is None else {"planned_visit_id": await self.planned(who, rule)}
        seen = {"child_seen": True, "in_person": True, "heard_alone": True, "satisfactory": True, **planned}
        body = {"case_id": self.case, "visited_at": await self.now(), "note_id": await self.note(who, "visit"), **seen}
        return await self.do(who, "assistance", "visits", body)

    async def planned(self, who: str, rule: str) -> str:
        """The id of the planned visit of a rule that this person may record."""

        async def ask() -> str | None:
            page = await self.get("assistance", "visits/planned", who=who, case_id=self.case)
            mine = (one for one in page["items"] if one["rule"] == rule and "record" in one["available_actions"])
            return next((str(one["planned_visit_id"]) for one in mine), None)

        return await until(ask, f"no planned visit {rule} for {who}")

    async def reassessments(self, **wanted: bool) -> set[str]:
        """The open reassessments, once each trigger is open (True) or not (False) as asked."""

        async def ask() -> set[str] | None:
            page = await self.get("risk_scoring", "reassessments", case_id=self.case)
            codes = {item["trigger"]["code"] for item in page["items"]}
            return codes if all((code in codes) is open_ for code, open_ in wanted.items()) else None

        return await until(ask, f"the open reassessments never were {wanted}")

    async def closing(self) -> dict[str, str]:
        """What the guard still names open: code → details; not the notes, which come with the proposal."""
        items = (await self.get("assistance", f"closures/{self.case}"))["items"]
        left = (item for item in items if item["state"] == "open" and item["code"] not in ("views", "summary"))
        return {item["code"]: ",".join(item["detail"]) for item in left}

    async def timeline(self) -> list[dict[str, Any]]:
        """The whole story of the case."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get("intake", f"cases/{self.case}/timeline", limit=200, **cursor)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = {"cursor": page["next_cursor"]}

    async def told(self, *types: str) -> list[dict[str, Any]]:
        """The story, once it has an entry of each of these types."""

        async def ask() -> list[dict[str, Any]] | None:
            items = await self.timeline()
            return items if set(types) <= {item["type"] for item in items} else None

        return await until(ask, f"the story never had all of {types}")


async def opened(product: Chain, sample: dict[str, Any], start: datetime, **extra: Any) -> Desk:
    """Report a case at this moment and wait for its response."""
    await product.set_clock(start + timedelta(seconds=4))
    desk = Desk(product, start, await send(product, {**sample, "received_at": start.isoformat()}, **extra))
    await desk.response()
    return desk


__all__ = ["CIVIL_AFFAIRS", "OPERATOR", "Desk", "opened"]
