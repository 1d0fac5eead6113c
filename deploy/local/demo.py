"""`make demo`: every sample case through the HTTP API of the running system, some departments acting; then a table.

The cases keep their content and are received now, so that their clocks run; a few are logged late on purpose, so that
missed deadlines show. Everything goes through the gateway, as a partner's client would.
"""

from __future__ import annotations

import asyncio
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import yaml

from chassis.clock import new_uuid7, wall_clock
from deploy.local.screen import LocalError, say
from deploy.local.settings import ROOT, current_settings

CASES = ROOT / "tests/samples/cases.yaml"
DEMO_PASSWORD = "shouwang-demo-2026"  # noqa: S105 - of invented people, on the person's own machine only
OPERATOR, CIVIL_AFFAIRS = "st127", "st088"
LOGGED_LATE_MINUTES = {"YX-01": 40, "YX-10": 90, "YX-12": 15}
"""Reports written down only later: their clocks count from the call, so some steps are late from the start."""
ACTED_ON = ("YX-01", "YX-02", "YX-07", "YX-08", "YX-12", "YX-14", "YX-19")
"""Cases on which every lead and assist department acts; the others wait in their queues."""
STAFF = {
    "police": "st091",
    "civil_affairs": "st088",
    "health": "st094",
    "justice": "st101",
    "women_federation": "st103",
    "youth_league": "st105",
    "disabled_federation": "st107",
    "employment": "st097",
    "finance": "st099",
    "township_government": "st085",
}
UNIT_STAFF = {
    "YX-SCH1": "st109",
    "YX-SCH2": "st112",
    "V01-VC": "st002",
    "V02-VC": "st015",
    "V03-VC": "st026",
    "V04-VC": "st035",
    "V05-VC": "st050",
    "V06-VC": "st063",
    "V07-VC": "st073",
}
QUEUE_SECONDS_MAX = 30.0


@dataclass
class Row:
    """One line of the table."""

    case: str
    level: str = "-"
    referrals: str = ""
    met: int = 0
    missed: int = 0
    running: int = 0
    milliseconds: float | None = None


class Demo:
    """A client of the running system; logs in as whoever acts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._tokens: dict[str, str] = {}

    async def _as(self, username: str) -> dict[str, str]:
        if username not in self._tokens:
            form = {"grant_type": "password", "username": username, "password": DEMO_PASSWORD}
            answer = await self._client.post("/oauth/token", data=form)
            if answer.status_code != 200:
                raise LocalError(
                    f"{username} 无法登录：先运行 make run", f"{username} cannot log in: start `make run` first"
                )
            self._tokens[username] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[username]}"}

    async def get(self, username: str, path: str) -> httpx.Response:
        """GET as somebody."""
        return await self._client.get(path, headers=await self._as(username))

    async def post(self, username: str, path: str, body: Any, version: int | None = None) -> httpx.Response:
        """POST as somebody, with a fresh Idempotency-Key."""
        headers = {**await self._as(username), "Idempotency-Key": new_uuid7().hex}
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        return await self._client.post(path, json=body, headers=headers)

    async def report(self, case: dict[str, Any], opened: dict[str, str]) -> tuple[dict[str, Any], float]:
        """Send one case. Returns the answer and the moment it came."""
        answer = await self.post(OPERATOR, "/api/v1/reports", body_of(case, opened))
        if answer.status_code != 201:
            raise LocalError(f"{case['id']}：{answer.text[:300]}", f"{case['id']} was refused ({answer.status_code})")
        return answer.json(), time.perf_counter()

    async def response(self, case_id: str, since: float) -> tuple[dict[str, Any], float]:
        """Wait until the response is open. Returns it and the milliseconds since `since`."""
        while time.perf_counter() - since < QUEUE_SECONDS_MAX:
            answer = await self.get(CIVIL_AFFAIRS, f"/api/v1/responses/{case_id}")
            if answer.status_code == 200:
                return answer.json(), (time.perf_counter() - since) * 1000
            await asyncio.sleep(0.005)
        raise LocalError("没有派单，见 .local/log/", "the report was not dispatched; see .local/log/")

    async def act(self, response: dict[str, Any]) -> None:
        """Every department with a task signs; whoever may, arrives, sees the child and confirms safety."""
        for action in ("acknowledge", "report-arrival", "confirm-safety"):
            for referral in response["referrals"]:
                who = UNIT_STAFF.get(referral["organisation"]) or STAFF.get(referral["department"])
                if who is None or referral["role"] == "inform":
                    continue
                seen = await self.get(who, f"/api/v1/referrals/{referral['referral_id']}")
                if seen.status_code != 200 or action not in seen.json()["available_actions"]:
                    continue
                body = _body_of_act(action)
                path = f"/api/v1/referrals/{referral['referral_id']}/actions/{action}"
                await self.post(who, path, body, seen.json()["version"])


def _body_of_act(action: str) -> dict[str, Any]:
    now = wall_clock().isoformat()
    if action == "report-arrival":
        return {"arrived_at": now, "child_seen": True}
    if action == "confirm-safety":
        return {"basis": "safety_plan", "confirmed_at": now}
    return {}


def body_of(case: dict[str, Any], opened: dict[str, str]) -> dict[str, Any]:
    """The request of a sample case, received now (or so many minutes ago)."""
    names = ("channel", "reporter", "place", "child", "narrative", "concerns", "facts", "answers")
    body = {name: case[name] for name in names if name in case}
    received = wall_clock() - timedelta(minutes=LOGGED_LATE_MINUTES.get(case["id"], 0))
    body["received_at"] = received.isoformat()
    body["facts"] = {name: value for name, value in case["facts"].items() if name != "safe_until"}
    if "age" in body["facts"]:
        body["facts"]["age_estimated"] = True  # the birth dates belong to other days of receipt
    if case.get("siblings"):
        body["siblings"] = [
            {**{k: v for k, v in one.items() if k != "ref"}, "facts": {**one["facts"], "age_estimated": True}}
            for one in case["siblings"]
        ]
    if "duplicate_of" in case:
        body["attach_to_case"] = opened[case["duplicate_of"]]
    return body


async def play(address: str, cases: Sequence[dict[str, Any]]) -> list[Row]:
    """Send everything and act; returns the table's rows."""
    rows: list[Row] = []
    opened: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as client:
        demo = Demo(client)
        kept: dict[str, str] = {}
        for case in cases:
            row = Row(case["id"])
            rows.append(row)
            answer, since = await demo.report(case, opened)
            if answer["case_id"] is None:
                row.level, row.referrals = answer["disposition"], "—"
                continue
            opened[case["id"]] = answer["case_number"]
            kept[case["id"]] = answer["case_id"]
            response, row.milliseconds = await demo.response(answer["case_id"], since)
            if case["id"] in ACTED_ON:
                await demo.act(response)
        for row in rows:
            if row.case in kept:
                latest, _ = await demo.response(kept[row.case], time.perf_counter())
                _fill(row, latest)
    return rows


def _fill(row: Row, response: dict[str, Any]) -> None:
    letters = {"lead": "L", "assist": "A", "inform": "I"}
    counted = Counter(letters[one["role"]] for one in response["referrals"] if one["state"] != "ended")
    row.level = response["level"]
    row.referrals = " ".join(f"{counted[letter]}{letter}" for letter in "LAI" if counted[letter])
    now = wall_clock()
    for clock in response["deadlines"]:
        due = datetime.fromisoformat(clock["due_at"])
        if clock["state"] == "met":
            row.missed += bool(clock["late_seconds"])
            row.met += not clock["late_seconds"]
        elif clock["state"] == "running":
            row.missed += due < now
            row.running += due >= now


def table(rows: Iterable[Row]) -> list[str]:
    """The rows as aligned text."""
    head = ("个案 case", "等级 level", "转介 referrals", "按时 met", "超时 missed", "计时中 running", "接报→待办 ms")
    lines = [head]
    for row in rows:
        ms = f"{row.milliseconds:.0f}" if row.milliseconds is not None else "—"
        lines.append((row.case, row.level, row.referrals, str(row.met), str(row.missed), str(row.running), ms))
    widths = [max(_width(line[column]) for line in lines) for column in range(len(head))]
    return ["  ".join(_pad(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def demo() -> int:
    """Play the samples against the gateway of `make run` and print the table."""
    address = current_settings().gateway
    say(f"向 {address} 提交样例个案", "sending the sample cases")
    try:
        rows = asyncio.run(play(address, yaml.safe_load(CASES.read_text(encoding="utf-8"))["cases"]))
    except httpx.ConnectError:
        raise LocalError(
            f"{address} 没有回答：先运行 make run", "nothing answers there: start `make run` first"
        ) from None
    print()
    for line in table(rows):
        print(line)
    waits = [row.milliseconds for row in rows if row.milliseconds is not None]
    print(f"\n{len(rows)} 件报告 reports, {len(waits)} 件派单 dispatched, 最慢 slowest {max(waits):.0f} ms")
    return 0
