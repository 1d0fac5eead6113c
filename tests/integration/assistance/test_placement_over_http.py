"""Placements over HTTP: the order of kinds, approval, moves, home again, transfers, and the clocks behind them."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.testing import Running, running
from contracts.assistance import PlacementChanged, TaskFired
from contracts.risk_scoring import ChildAssessment
from services.assistance.service import SERVICE
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    COLLEAGUE,
    KEY,
    LEADER,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    get,
    happen,
    id_of,
    post,
    report,
    response,
    risk,
    safety,
)
from tests.integration.assistance.working import tasks_fired

pytestmark = pytest.mark.integration

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BETTER = {
    "P0": "removal_reason_stands",
    "P1": "none_exists",
    "P2": "no_vacancy",
    "P5": "none_exists",
    "P6": "no_vacancy",
}
FOSTER: dict[str, Any] = {"kind": "P2", "unavailable": {"P0": "removal_reason_stands", "P1": "none_exists"}}


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + 4 * HOUR) as service:
        yield service


def assessed(name: str, concerns: tuple[str, ...] = (), **facts: Any) -> ChildAssessment:
    return ChildAssessment(
        child_id=id_of(name), case_id=CASE, level="orange", score=45, score_known=45, score_upper=45, completeness=100,
        band="orange", provisional=False, concerns=concerns, facts={"age": 9, **facts},
    )  # fmt: skip


async def opened(app: Running, *children: ChildAssessment) -> None:
    """A running case with these children; without any, one whose household is registered here."""
    found = children or (assessed("child", hukou="local"),)
    await happen(app, report(), risk(children=found), response(), safety())


async def know(app: Running, *children: ChildAssessment) -> None:
    """A later assessment."""
    await happen(app, risk("orange", score=46, children=children))


async def propose(
    app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, *names: str, key: str = "", **changes: Any
) -> httpx.Response:
    """Propose a placement of these children (one, unless named)."""
    body = {
        "case_id": KEY,
        "child_ids": [str(id_of(name)) for name in names or ("child",)],
        "reason": "guardian_absent",
        **changes,
    }
    return await post(app, "placements", who, body, idempotency_key=str(id_of(f"{key} {names} {changes}")))


async def begin(app: Running, kind: str = "P7", who: dict[str, Any] = CIVIL_AFFAIRS, **changes: Any) -> httpx.Response:
    """Emergency care that begins now."""
    at = (await app.database.now()).isoformat()
    begun = await propose(app, who, kind=kind, emergency=True, started_at=at, **changes)
    assert begun.status_code == 201, begun.text
    return begun


async def act(
    app: Running, verb: str, who: dict[str, Any], body: Any = None, *, nth: int = -1, **h: str
) -> httpx.Response:
    """An act on the newest placement of the case, or the nth."""
    shown = (await get(app, f"placements?case_id={CASE}")).json()
    placement_id = shown["placements"][nth]["placement_id"]
    return await post(app, f"placements/{placement_id}/{verb}", who, body, **h)


async def receipt(app: Running) -> dict[str, str]:
    at = (await app.database.now()).isoformat()
    return {"given_by": "ST401", "received_by": "FOSTER-07", "at": at, "receipt_note_id": str(id_of("receipt"))}


async def start(app: Running, who: dict[str, Any] = CIVIL_AFFAIRS, **more: Any) -> httpx.Response:
    paper = await receipt(app)
    return await act(app, "start", who, {"started_at": paper["at"], "hand_over": paper, **more})


async def states(app: Running) -> list[tuple[str, str, str | None]]:
    found = (await get(app, f"placements?case_id={CASE}")).json()["placements"]
    return [(one["kind"]["code"], one["state"], one["end_cause"]) for one in found]


def missing(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "placement_conditions"
    return {one["rule"]: one["detail"] for one in answer.json()["missing"]}


async def fired(app: Running, code: str) -> list[str]:
    return [one.stage for one in await app.published(TaskFired) if one.code == code]


# From emergency care to a foster family and home ----------------------------------------------------------------------


async def special_visits(app: Running) -> list[tuple[str, str]]:
    """The planned visits beside those by level: rule and post."""
    items = (await get(app, f"visits/planned?case_id={CASE}")).json()["items"]
    return [(item["rule"], item["post"]["code"]) for item in items if "." not in item["rule"]]


async def test_a_child_goes_from_emergency_care_to_a_foster_family_and_home_again(app: Running) -> None:
    await opened(app, assessed("child", hukou="local", all_guardians_unavailable=True))
    begun = await begin(app, "P7", VILLAGE, place="V01-VC")
    [night] = begun.json()["placements"]
    assert (night["state"], night["place"], night["responsible"]) == ("started", "V01-VC", "this_township")
    changed = await app.published(PlacementChanged)
    assert [(one.kind, one.state) for one in changed] == [("P7", "proposed"), ("P7", "started")]
    assert changed[-1].external_notices == ("county_civil_affairs", "county_protection_centre")

    first = await propose(app, CIVIL_AFFAIRS, kind="P2", unavailable={"P1": "none_exists"})
    assert missing(first) == {"preference": ["unavailable:P0"]}
    proposed = await propose(app, CIVIL_AFFAIRS, **FOSTER, place="FOSTER-07", address_note_id=str(id_of("address")))
    assert proposed.status_code == 201, proposed.text
    assert (await start(app)).status_code == 409
    alone = await act(app, "approve", CIVIL_AFFAIRS)
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person")
    assert (await act(app, "approve", COLLEAGUE)).status_code == 200
    without = await act(app, "start", CIVIL_AFFAIRS, {"started_at": (await app.database.now()).isoformat()})
    assert missing(without) == {"hand_over": []}
    moved = await start(app)
    assert moved.status_code == 200, moved.text
    assert await states(app) == [("P7", "ended", "moved"), ("P2", "started", None)]
    assert moved.json()["placements"][1]["moved_from"] == night["placement_id"]
    told = await app.published(PlacementChanged)
    assert [(one.kind, one.state, one.cause) for one in told[-2:]] == [
        ("P7", "ended", "moved"),
        ("P2", "started", None),
    ]
    assert str(id_of("address")) not in told[-1].model_dump_json()
    assert await special_visits(app) == [("placement", "civil_affairs")]

    home = {"reason_ended_note_id": str(id_of("gone")), "hand_over": await receipt(app)}
    assert missing(await act(app, "return-home", CIVIL_AFFAIRS, home)) == {
        "removal_reason_stands": ["fact:all_guardians_unavailable"]
    }
    await know(app, assessed("child", hukou="local", all_guardians_unavailable=False))
    back = await act(app, "return-home", CIVIL_AFFAIRS, home)
    assert back.status_code == 200, back.text
    assert (await states(app))[-1] == ("P2", "returned_home", "returned_home")
    assert (await app.published(PlacementChanged))[-1].state == "returned_home"
    assert await special_visits(app) == [("after_return_home", "child_director")]


async def test_a_short_stay_is_warned_of_and_called_every_hour_until_it_is_over(app: Running) -> None:
    await opened(app)
    await begin(app, "P7")
    await app.fire(20 * HOUR)
    assert await fired(app, "P7") == ["due_soon"]
    await app.fire(4 * HOUR)
    await app.fire(2 * HOUR)
    stages = await fired(app, "P7")
    assert stages[:2] == ["due_soon", "overdue"]
    assert set(stages[2:]) == {"repeat"}
    last = (await tasks_fired(app))[-1]
    assert (last.subject, last.owner, last.targets) == ("placement", "civil_affairs", ("responsible_leader",))
    ended = {"cause": "aged_out", "ended_at": (await app.database.now()).isoformat()}
    assert (await act(app, "end", CIVIL_AFFAIRS, ended)).status_code == 200
    await app.fire(3 * DAY)
    assert len(await fired(app, "P7")) == len(stages)


async def test_an_elderly_home_is_a_last_resort_that_the_leader_approves_for_three_days(app: Running) -> None:
    await opened(app)
    asked = await propose(app, CIVIL_AFFAIRS, kind="P3", unavailable=BETTER)
    assert missing(asked) == {"preference": ["unavailable:P4"], "separate_room": [], "staff_check": []}
    full = {**BETTER, "P4": "no_vacancy"}
    kept = await propose(app, CIVIL_AFFAIRS, kind="P3", unavailable=full, separate_room=True, staff_checked=True)
    assert kept.status_code == 201, kept.text
    assert missing(await act(app, "approve", COLLEAGUE)) == {"approver": ["post:responsible_leader"]}
    assert (await act(app, "approve", LEADER)).status_code == 200
    begun = await start(app)
    assert begun.status_code == 200, begun.text
    await app.fire(72 * HOUR)
    assert await fired(app, "P3") == ["due_soon", "overdue"]


async def test_an_injured_child_goes_to_hospital_first_and_the_young_never_to_an_elderly_home(app: Running) -> None:
    await opened(app, assessed("child", ("H3",), hukou="local", visible_injury=True, age=5))
    refused = await propose(app, CIVIL_AFFAIRS, kind="P6", emergency=True)
    assert missing(refused) == {"medical_first": ["medical_note_id", "kind:P8"]}
    await begin(app, "P8", POLICE, medical_note_id=str(id_of("doctor")))
    assert (await propose(app, CIVIL_AFFAIRS, kind="P6", emergency=True)).status_code == 201
    assert (await act(app, "refuse", COLLEAGUE, {"note_id": str(id_of("no"))})).status_code == 200
    full = {**BETTER, "P4": "no_vacancy"}
    home = await propose(app, CIVIL_AFFAIRS, kind="P3", unavailable=full, separate_room=True, staff_checked=True)
    assert missing(home) == {"age": ["too_young"], "concern": ["concern:H3"]}


async def test_a_relative_of_the_suspect_waits_for_the_police(app: Running) -> None:
    await opened(app, assessed("child", guardian_suspected_harmer=True))
    asked = await propose(app, CIVIL_AFFAIRS, kind="P1", unavailable={"P0": "unsafe"}, reason="domestic_violence")
    assert asked.status_code == 201, asked.text
    assert asked.json()["placements"][0]["relative_of_suspected"] is True
    assert missing(await act(app, "approve", COLLEAGUE)) == {"police_check": ["not_checked"]}
    assert (await act(app, "police-check", CIVIL_AFFAIRS, {"clear": True})).status_code == 403
    assert (await act(app, "police-check", POLICE, {"clear": False})).status_code == 200
    assert missing(await act(app, "approve", COLLEAGUE)) == {"police_check": ["refused_by_police"]}
    assert (await act(app, "police-check", POLICE, {"clear": True})).status_code == 200
    assert (await act(app, "approve", COLLEAGUE)).status_code == 200
    stands = await propose(app, CIVIL_AFFAIRS, kind="P0", reason="domestic_violence", key="home")
    assert set(missing(stands)) == {"placement_waiting", "removal_reason_stands"}


async def test_siblings_go_together_or_a_reason_is_given(app: Running) -> None:
    await opened(app, assessed("child"), assessed("sister"))
    alone = await propose(app, CIVIL_AFFAIRS, **FOSTER)
    assert missing(alone) == {"siblings_apart": [f"child:{id_of('sister')}"]}
    both = await propose(app, CIVIL_AFFAIRS, "child", "sister", **FOSTER, place="F1")
    assert both.status_code == 201, both.text
    assert len(both.json()["placements"]) == 2
    again = await propose(app, CIVIL_AFFAIRS, "child", **FOSTER, apart_reason="no_joint_place")
    assert set(missing(again)) == {"placement_waiting"}
    stranger = await propose(app, CIVIL_AFFAIRS, "stranger", **FOSTER)
    assert [error["code"] for error in stranger.json()["errors"]] == ["not_in_this_case"]


async def test_bad_input_names_the_field(app: Running) -> None:
    await opened(app)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("#/reason", {"reason": "bad_luck"}),
        ("#/unavailable", {"unavailable": {"P0": "because"}}),
        ("#/apart_reason", {"apart_reason": "because"}),
        ("#/started_at", {"started_at": "2026-03-02T01:00:00Z"}),
    ]
    for pointer, changes in wrong:
        refused = await propose(app, CIVIL_AFFAIRS, kind="P2", **changes)
        assert refused.status_code == 422, refused.text
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_who_may_see_and_act(app: Running) -> None:
    await opened(app)
    assert (await get(app, f"placements?case_id={CASE}", LEAGUE)).status_code == 403
    at = (await app.database.now()).isoformat()
    refused = await propose(app, VILLAGE, kind="P6", emergency=True, started_at=at)
    assert (refused.status_code, refused.json()["reason"]) == (403, "village_starts_community_care_only")
    await begin(app, "P6", POLICE, place="CENTRE-1", address_note_id=str(id_of("address")))
    places = {
        name: (await get(app, f"placements?case_id={CASE}", who)).json()["placements"][0]
        for name, who in {"police": POLICE, "village": VILLAGE}.items()
    }
    assert (places["police"]["place"], places["village"]["place"]) == ("CENTRE-1", None)
    assert places["village"]["address_note_id"] is None
    assert (await act(app, "hand-over", VILLAGE, await receipt(app))).status_code == 403
    one_sided = {**await receipt(app), "received_by": "ST401"}
    assert [e["code"] for e in (await act(app, "hand-over", POLICE, one_sided)).json()["errors"]] == ["one_sided"]
    assert (await act(app, "hand-over", POLICE, await receipt(app))).status_code == 200
    assert (await act(app, "hand-over", POLICE, await receipt(app))).json()["code"] == "already_handed_over"
    shown = (await get(app, f"placements?case_id={CASE}", COLLEAGUE)).json()["placements"][0]
    assert set(shown["available_actions"]) == {"approve", "return_home", "end"}


# Responsible government -----------------------------------------------------------------------------------------------


async def test_the_place_of_origin_takes_over_after_writing_and_a_safe_home(app: Running) -> None:
    await opened(app, assessed("child", hukou="elsewhere"))
    begun = await begin(app, "P6", POLICE)
    assert begun.json()["placements"][0]["responsible"] == "place_of_origin"
    hand = {"hand_over": await receipt(app)}
    assert set(missing(await act(app, "transfer", CIVIL_AFFAIRS, hand))) == {"acceptance", "home_assessment"}
    said: dict[str, Any] = {"accepted_at": hand["hand_over"]["at"], "acceptance_note_id": str(id_of("accepted"))}
    assert (await act(app, "acceptance", CIVIL_AFFAIRS, said)).status_code == 200
    assert set(missing(await act(app, "transfer", CIVIL_AFFAIRS, hand))) == {"home_assessment"}
    said |= {"home_assessment_note_id": str(id_of("home")), "home_safe": True}
    assert (await act(app, "acceptance", CIVIL_AFFAIRS, said)).status_code == 200
    gone = await act(app, "transfer", CIVIL_AFFAIRS, hand)
    assert gone.status_code == 200, gone.text
    told = (await app.published(PlacementChanged))[-1]
    assert (told.state, told.cause, told.responsible) == ("ended", "transferred", "place_of_origin")
    assert told.accepted_in_writing is True
    again = await act(app, "transfer", CIVIL_AFFAIRS, hand)
    assert (again.status_code, again.json()["current_state"]) == (409, "ended")


async def test_a_child_nobody_knows_is_searched_for_and_then_registered(app: Running) -> None:
    await opened(app, assessed("child", hukou="unknown", trafficking_suspected=True))
    begun = await begin(app, "P6", POLICE)
    owed = begun.json()["follow_ups"]
    assert [one["code"] for one in owed] == ["dna_search", "foundling_notice", "police_finding", "trafficked_search"]
    await app.fire(HOUR)
    assert await fired(app, "dna_search") == ["due_soon"]
    await app.fire(24 * HOUR)
    assert "overdue" in await fired(app, "dna_search")
    for one in owed:
        at = (await app.database.now()).isoformat()
        path = f"placements/{CASE}/follow-ups/{one['follow_up_id']}/done"
        assert (await post(app, path, LEAGUE, {"done_at": at})).status_code == 403
        done = await post(app, path, POLICE if one["owner"] == "police" else CIVIL_AFFAIRS, {"done_at": at})
        assert done.status_code == 200, done.text
    after = {one["code"]: one for one in done.json()["follow_ups"]}
    assert after["dna_search"]["late_seconds"] > 3000
    assert (after["HUKOU"]["owner"], after["HUKOU"]["done_at"]) == ("police", None)
    await app.fire(31 * DAY)
    assert "overdue" in await fired(app, "HUKOU")
    # The child moves on: what is owed stays one list.
    await begin(app, "P8", POLICE)
    assert len((await get(app, f"placements?case_id={CASE}")).json()["follow_ups"]) == 5


# Temporary guardianship -----------------------------------------------------------------------------------------------


async def test_a_temporary_guardianship_is_reviewed_and_flagged_through_every_move(app: Running) -> None:
    await opened(app)
    since = await app.database.now()
    await begin(app, "P6", POLICE, temporary_guardianship=True)
    await app.fire(30 * DAY)
    assert await fired(app, "GUARDIANSHIP_REVIEW") == ["due_soon", "overdue"]
    body = {"reviewed_at": (await app.database.now()).isoformat(), "outcome": "continue", "note_id": str(id_of("r"))}
    done = await act(app, "reviews", CIVIL_AFFAIRS, body, idempotency_key="r1")
    assert done.status_code == 201, done.text
    due = done.json()["placements"][-1]["next_review_at"]
    assert due.startswith((since + 120 * DAY).date().isoformat())

    # The child moves; the guardianship goes on counting.
    await propose(app, CIVIL_AFFAIRS, **FOSTER, temporary_guardianship=True)
    await act(app, "approve", COLLEAGUE)
    assert (await start(app)).status_code == 200
    shown = (await get(app, f"placements?case_id={CASE}")).json()["placements"]
    assert shown[1]["guardianship_since"] == shown[0]["guardianship_since"]
    assert shown[1]["next_review_at"] == due
    await app.fire(276 * DAY)
    assert await fired(app, "GUARDIANSHIP_LENGTH") == ["alarm"]
    await app.fire(65 * DAY)
    assert (await fired(app, "GUARDIANSHIP_LENGTH"))[:3] == ["alarm", "alarm", "overdue"]
    flag = next(
        one for one in await app.published(TaskFired) if (one.code, one.stage) == ("GUARDIANSHIP_LENGTH", "overdue")
    )
    assert flag.targets == ("responsible_leader", "township_head")

    # For good with the family: the temporary guardianship and its clocks are over.
    settled = await act(app, "permanent", COLLEAGUE)
    assert settled.status_code == 200, settled.text
    assert settled.json()["placements"][-1]["permanent_since"] is not None
    count = len(await tasks_fired(app))
    await app.fire(100 * DAY)
    assert len(await tasks_fired(app)) == count
    no_more = await act(app, "reviews", CIVIL_AFFAIRS, body, idempotency_key="r2")
    assert no_more.json()["code"] == "no_guardianship"


# Whatever happens -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_is_done_a_child_has_one_current_placement_and_its_clocks(app: Running, seed: int) -> None:
    chance = random.Random(seed)
    await opened(app)
    for turn in range(14):
        now = (await app.database.now()).isoformat()
        move = chance.choice(["emergency", "foster", "approve", "start", "return", "end", "refuse"])
        if move == "emergency":
            kind = chance.choice(["P6", "P7", "P8"])
            await propose(app, POLICE, kind=kind, emergency=True, key=str(turn), started_at=chance.choice([None, now]))
        elif move == "foster":
            await propose(app, CIVIL_AFFAIRS, **FOSTER, temporary_guardianship=chance.random() < 0.5, key=str(turn))
        elif not await states(app):
            continue
        elif move == "start":
            await start(app)
        else:
            bodies: dict[str, Any] = {
                "approve": None,
                "refuse": {"note_id": str(id_of("no"))},
                "return": {"reason_ended_note_id": str(id_of("gone")), "hand_over": await receipt(app)},
                "end": {"cause": "ran_away", "ended_at": now},
            }
            await act(app, {"return": "return-home"}.get(move, move), COLLEAGUE, bodies[move])
        found = await states(app)
        assert [state for _, state, _ in found].count("started") <= 1
        assert [state for _, state, _ in found].count("proposed") + [s for _, s, _ in found].count("approved") <= 1
        living = next((kind for kind, state, _ in found if state == "started"), None)
        async with app.database.reading() as db:
            caps = await db.fetchval("SELECT count(*) FROM deadline WHERE kind = 'placement_cap' AND state = 'armed'")
        assert caps == (1 if living == "P7" else 0)
