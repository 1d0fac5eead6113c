"""Every golden case through the running services, in the order of the calls: level, referrals, lead, deadlines, notices.

The clock of all services is set to each call's time, so nothing is late that was in time. YX-06 joins YX-05 the day after;
YX-20 reopens a case that this test first carries to its closure.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chain import Chain
from tests.integration.chain.journey import CORRECTION_CASE, live_through
from tests.integration.chain.steps import CIVIL_AFFAIRS, act, at, due, referral, response_of, roles, send, until
from tests.samples.golden import golden_cases

pytestmark = pytest.mark.asyncio(loop_scope="package")

STEPS = ("S3", "S5a", "S5b", "S5c", "S6", "S8", "S9", "S13")
BY_TIME = sorted(golden_cases(opened=False), key=lambda case: at(case["received_at"]))
_answers: dict[str, dict[str, Any]] = {}


async def opened(product: Chain, case: dict[str, Any]) -> dict[str, Any]:
    """Send a golden case at its own time, with what must have happened before."""
    extra: dict[str, Any] = {}
    if case["id"] == "YX-06":
        first = await response_of(product, _answers["YX-05"]["case_id"])
        moment = at(case["received_at"]) - timedelta(hours=2)
        await product.set_clock(moment)
        village = referral(first, "village_committee")
        await act(product, "st069", village, "report-arrival", arrived_at=moment.isoformat(), child_seen=False)
        extra["attach_to_case"] = _answers["YX-05"]["case_number"]
    if case["id"] == "YX-20":
        before = await live_through(product, CORRECTION_CASE, at("2026-05-21T10:00:00+08:00"))
        extra["reopen_case"] = before["case_number"]
    await product.set_clock(at(case["received_at"]) + timedelta(seconds=4))
    _answers[case["id"]] = await send(product, case, **extra)
    return _answers[case["id"]]


async def test_every_golden_case_comes_out_of_the_running_services_as_expected(product: Chain) -> None:
    wrong: list[str] = []
    queue = [case for case in BY_TIME if case["id"] != "YX-20"]
    queue.insert(
        _index_before(queue, str(CORRECTION_CASE["received_at"])), next(c for c in BY_TIME if c["id"] == "YX-20")
    )
    for case in queue:
        answer = await opened(product, case)
        wrong += [f"{case['id']}: {line}" for line in await _differences(product, case, answer)]
    assert not wrong, "\n".join(wrong)
    assert len(_answers) == 24


def _index_before(queue: list[Any], moment: str) -> int:
    """Where to play YX-20, so that its earlier round does not turn the clock back for others."""
    return sum(at(case["received_at"]) < at(moment) for case in queue)


async def _differences(product: Chain, case: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    expected = case["expected"]
    found = [("disposition", answer["disposition"], expected["disposition"])]
    if expected["level"] is None:
        found.append(("case", answer["case_id"], None))
        return _lines(found)
    response = await response_of(product, answer["case_id"], report_id=answer["report_id"])
    found += await _scores(product, case, answer)
    found += [
        ("report level", response["level"], expected["report_level"]),
        ("restricted", response["restricted"], expected["restricted"]),
        ("referrals", roles(response), expected["referrals"]),
        ("case lead", response["case_lead"], expected["case_lead"]),
        ("coordinator", response["coordinator"], expected["coordinator"]),
        ("external", sorted(response["external_notices"]), sorted(expected["external_notices"])),
        ("not created", {k: v for k, v in response["not_created"].items() if k in STEPS}, expected["not_created"]),
        ("provisional", sorted(_provisional(response)), sorted(expected["calendar_provisional"])),
        ("guardian", _guardian(response["guardian_notice"]), _guardian(expected["guardian_notice"], "due")),
    ]
    for step in STEPS:
        wanted = expected["deadlines"][step]
        wanted = None if wanted is None else at(wanted).astimezone(UTC)
        report = answer["report_id"] if step in ("S3", "S13") else None
        found.append((step, due(response, step, report_id=report), wanted))
    if case["id"] == "YX-06":
        found += _attached(response, expected)
    return _lines(found)


async def _scores(product: Chain, case: dict[str, Any], answer: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    async def newest() -> dict[str, Any] | None:
        page = await product.get(CIVIL_AFFAIRS, "risk_scoring", "/api/v1/assessments", case_id=answer["case_id"])
        return next((one for one in page["items"] if one["report_id"] == answer["report_id"]), None)

    assessment = await until(newest, f"no assessment of {case['id']}")
    wanted = [case["expected"], *case["expected"].get("siblings", [])]
    keys = ("level", "score", "score_known", "score_upper", "completeness", "band", "provisional", "fired")
    return [
        (f"child {number} {key}", _code(child[key]), want[key])
        for number, (child, want) in enumerate(zip(assessment["children"], wanted, strict=True))
        for key in keys
    ]


def _code(value: Any) -> Any:
    """A labelled value as its code alone."""
    if isinstance(value, list):
        return [_code(one) for one in value]
    return value["code"] if isinstance(value, dict) else value


def _attached(response: dict[str, Any], expected: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    first = due(response, "S13", report_id=_answers["YX-05"]["report_id"])
    again = due(response, "reassessment")
    before = {"civil_affairs", "village_committee", "health", "women_federation"}
    raised = [d for d in roles(response) if d not in before]
    return [
        ("first S13", first, at(expected["first_report_S13"]).astimezone(UTC)),
        ("reassessment", again, at(expected["reassessment_due"]).astimezone(UTC)),
        ("added or raised", sorted(raised), sorted(expected["referrals_added_or_raised"])),
    ]


def _provisional(response: dict[str, Any]) -> set[str]:
    return {clock["step"] for clock in response["deadlines"] if clock["provisional"] and clock["step"] in STEPS}


def _guardian(notice: dict[str, Any], key: str = "due_at") -> tuple[str, datetime | None]:
    moment = notice[key]
    return notice["status"], None if moment is None else at(moment).astimezone(UTC)


def _lines(found: list[tuple[str, Any, Any]]) -> list[str]:
    return [f"{what}: {got!r} instead of {wanted!r}" for what, got, wanted in found if _plain(got) != _plain(wanted)]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


async def test_each_report_is_in_the_queue_of_every_department_it_was_sent_to(product: Chain) -> None:
    """The case with the most departments: each finds it in its own queue, and nobody else does."""
    case = next(c for c in BY_TIME if c["id"] == "YX-12")
    response = await response_of(product, _answers["YX-12"]["case_id"])
    counted: Counter[str] = Counter()
    for one in response["referrals"]:
        page = await product.get(
            "st088", "dispatch", "/api/v1/referrals", case_number=response["case_number"], limit=50
        )
        counted[one["department"]] = sum(item["department"] == one["department"] for item in page["items"])
    assert counted == dict.fromkeys(case["expected"]["referrals"], 1)
    mine = await product.get("st094", "dispatch", "/api/v1/referrals", case_number=response["case_number"])
    assert [item["department"] for item in mine["items"]] == ["health"]
    stranger = await product.get("st099", "dispatch", "/api/v1/referrals", case_number=response["case_number"])
    assert stranger["items"] == []
