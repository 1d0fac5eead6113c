"""The live line: who hears what, nothing lost over a break, and never longer than the session."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import orjson
import pytest

from chassis.clock import new_uuid7
from chassis.transaction import Cause
from contracts.access import Subject
from services.console.store import hints
from services.console.store.hints import Hint
from services.console.web import live
from tests.integration.console.people import Person
from tests.product import Product

POLICE, CIVIL_AFFAIRS, OPERATOR, VILLAGE = "st092", "st088", "st127", "st002"
COMMITTEE = "V01-VC"


@dataclass
class Ear:
    """One open line, frame by frame, without a network between."""

    frames: asyncio.Queue[tuple[str, dict[str, object], int | None]]
    status: int
    over: asyncio.Event

    async def hear(self) -> tuple[str, dict[str, object], int | None]:
        """The next frame: event, data, id."""
        return await asyncio.wait_for(self.frames.get(), 10)


@contextlib.asynccontextmanager
async def listening(person: Person, query: str = "", headers: Sequence[tuple[bytes, bytes]] = ()) -> AsyncIterator[Ear]:
    """The line of a signed-in person, from its hello on."""
    app = person.town.console.client._transport.app  # type: ignore[attr-defined]  # the app behind the client
    ear = Ear(asyncio.Queue(), 0, asyncio.Event())
    gone, answered = asyncio.Event(), asyncio.Event()
    cookie = f"sw_session={person.browser.cookies['sw_session']}".encode()
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/ui/events",
        "raw_path": b"/ui/events",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"service"), (b"cookie", cookie), (b"accept", b"text/event-stream"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("service", 80),
    }
    asked = False

    async def receive() -> dict[str, object]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            ear.status = int(str(message["status"]))
            answered.set()
            return
        if ear.status != 200:
            return
        body = message.get("body", b"")
        for frame in bytes(body if isinstance(body, bytes) else b"").decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in frame.splitlines())
            if "event" in fields:
                id_ = int(fields["id"]) if "id" in fields else None
                ear.frames.put_nowait((fields["event"], orjson.loads(fields["data"]), id_))

    async def run() -> None:
        await app(scope, receive, send)
        ear.over.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(answered.wait(), 10)
    try:
        if ear.status == 200:
            assert (await ear.hear())[0] == "hello"
            await _started(person.town)
        yield ear
    finally:
        gone.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


async def _started(town: Product) -> None:
    """Until the line has taken its place among the hints."""
    line: live.Line = town.console.process.runtime.resources[live.LINE]
    await line.follow()


async def _say(town: Product, *said: Hint) -> int:
    """Write hints as a handler does and hand them out. The id of the last."""
    id_ = new_uuid7()
    async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
        await hints.add(tx.db, said)
    await _started(town)
    async with town.console.database.reading() as db:
        return (await hints.kept(db))[1]


def _of(unit: str, kind: str = "referral") -> Hint:
    return Hint(kind, uuid4(), "blue", (unit,))


async def _quiet(town: Product) -> None:
    """Nothing of the last seconds is left that a fresh line would be told."""
    id_ = new_uuid7()
    async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
        await tx.db.execute("UPDATE hint SET at = at - interval '1 minute'")


async def test_a_unit_hears_its_own_changes_and_nothing_of_other_units(town: Product) -> None:
    await _quiet(town)
    async with Person.signed_in(town, POLICE) as officer, listening(officer) as ear:
        own = _of("YX-PS")
        await _say(town, _of("YX-CA"), own)
        event, data, _ = await ear.hear()
        assert (event, data["kind"], data["case_id"], data["own"]) == ("changed", "referral", str(own.case_id), True)
        assert ear.frames.empty()


async def test_what_changed_between_making_a_page_and_opening_its_line_is_told(town: Product) -> None:
    await _quiet(town)
    case = _of("YX-PS")
    await _say(town, case)
    async with Person.signed_in(town, POLICE) as officer, listening(officer) as ear:
        assert (await ear.hear())[1]["case_id"] == str(case.case_id)


async def test_a_line_goes_on_after_what_it_heard_last_and_loses_nothing(town: Product) -> None:
    async with Person.signed_in(town, POLICE) as officer:
        heard = await _say(town, _of("YX-PS"))
        missed = [_of("YX-PS"), _of("YX-CA"), _of("YX-PS")]
        await _say(town, *missed)
        wanted = [str(missed[0].case_id), str(missed[2].case_id)]
        by_header = [(b"last-event-id", str(heard).encode())]
        for query, headers in ((f"after={heard}", []), ("", by_header), (f"after={heard - 1}", by_header)):
            async with listening(officer, query, headers) as ear:
                assert [(await ear.hear())[1]["case_id"] for _ in wanted] == wanted
                later = _of("YX-PS")
                await _say(town, later)
                assert (await ear.hear())[1]["case_id"] == str(later.case_id)
                missed.append(later)
                wanted.append(str(later.case_id))


async def test_who_slept_past_what_is_kept_or_knows_ids_of_another_table_is_told_to_look_again(town: Product) -> None:
    newest = await _say(town, _of("YX-PS"))
    async with Person.signed_in(town, POLICE) as officer:
        for after in (newest + 1000, 0):
            id_ = new_uuid7()
            async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
                await tx.db.execute("DELETE FROM hint WHERE id < $1", newest)
            async with listening(officer, f"after={after}") as ear:
                assert (await ear.hear())[0] == "resync"


async def test_a_silent_line_is_kept_awake(town: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.01)
    await _quiet(town)
    async with Person.signed_in(town, POLICE) as officer, listening(officer) as ear:
        assert (await ear.hear())[0] == "heartbeat"


async def test_a_line_does_not_outlive_its_session(town: Product) -> None:
    await _quiet(town)
    async with Person.signed_in(town, POLICE) as officer, listening(officer) as ear:
        await live.dismiss(town.console.process.runtime)
        still = _of("YX-PS")
        await _say(town, still)
        assert (await ear.hear())[1]["case_id"] == str(still.case_id)
        async with Person.signed_in(town, POLICE) as elsewhere, listening(elsewhere) as other:
            await officer.post("/logout", {})
            await _say(town, _of("YX-PS"))
            await live.dismiss(town.console.process.runtime)
            assert (await ear.hear())[0] in {"changed", "ended"}
            await asyncio.wait_for(ear.over.wait(), 10)
            assert not other.over.is_set()


async def test_an_account_holds_a_bounded_number_of_lines(town: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LINES_MAX", 1)
    async with Person.signed_in(town, POLICE) as officer, Person.signed_in(town, CIVIL_AFFAIRS) as colleague:
        async with listening(officer), listening(officer) as second, listening(colleague) as others:
            assert (second.status, others.status) == (429, 200)
        async with listening(officer) as again:
            assert again.status == 200


async def test_without_a_session_there_is_no_line(town: Product) -> None:
    answer = await town.console.client.get("/ui/events", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401


async def test_new_work_is_announced_as_an_arrival_to_the_unit_that_got_it(town: Product) -> None:
    await _quiet(town)
    async with Person.signed_in(town, POLICE) as officer, listening(officer) as ear:
        case = (await town.report("YX-01"))["case_id"]
        await _started(town)
        last = _of("YX-PS")
        await _say(town, last)
        heard: list[dict[str, object]] = []
        while not heard or heard[-1]["case_id"] != str(last.case_id):
            heard.append((await ear.hear())[1])
        arrivals = [one for one in heard if one["kind"] == "arrival"]
        assert [(one["case_id"], one["level"], one["own"]) for one in arrivals] == [(case, "red", True)]


async def test_of_a_restricted_case_the_village_hears_nothing_and_the_hotline_not_which(town: Product) -> None:
    case = UUID((await town.report("YX-01"))["case_id"])
    id_ = new_uuid7()
    async with town.console.database.transaction(Cause(id_, str(id_), None)) as tx:
        await tx.db.execute("UPDATE fact_round SET restricted = true WHERE case_id = $1", case)
    await _quiet(town)
    async with contextlib.AsyncExitStack() as stack:
        people = [await stack.enter_async_context(Person.signed_in(town, who)) for who in (VILLAGE, OPERATOR, POLICE)]
        village, operator, officer = [await stack.enter_async_context(listening(one)) for one in people]
        await _say(town, Hint("referral", case, "red", ("YX-PS", COMMITTEE)))
        assert (await officer.hear())[1]["case_id"] == str(case)
        bare = (await operator.hear())[1]
        assert (bare["kind"], bare["case_id"], bare["level"]) == ("referral", None, None)
        assert village.frames.empty()
        open_case = Hint("referral", uuid4(), "red", (COMMITTEE,))
        await _say(town, open_case)
        assert (await village.hear())[1]["case_id"] == str(open_case.case_id)


def _subject(**keywords: object) -> Subject:
    return Subject("person", "a", "YX", **keywords)  # type: ignore[arg-type]  # parts of a subject by name


def test_a_unit_with_a_conflict_of_interest_hears_nothing_of_the_case_whoever_it_is() -> None:
    hint = Hint("case", uuid4(), "red", ("U",), conflict_unit="civil_affairs")
    supervisor = _subject(department="civil_affairs", organisation="U", posts=frozenset({"civil_affairs_supervisor"}))
    leader = _subject(department="township_government", organisation="G", posts=frozenset({"responsible_leader"}))
    assert live.Listener(supervisor, b"").told(hint) is None
    assert live.Listener(leader, b"").told(hint) == hint


def test_a_grid_member_hears_of_the_own_group_only() -> None:
    member = _subject(department="village_committee", organisation="V", groups=frozenset({"V01G1"}))
    listener = live.Listener(member, b"")
    own, other = (Hint("referral", uuid4(), "blue", ("V",), group=group) for group in ("V01G1", "V01G2"))
    assert (listener.told(own), listener.told(other)) == (own, None)


def test_who_cannot_follow_is_told_to_look_at_everything_and_an_end_is_never_lost() -> None:
    listener = live.Listener(_subject(organisation="U"), b"")
    for _ in range(live.QUEUE_MAX + 1):
        listener.hand(_of("U"))
    assert listener.waiting.get_nowait() is live.Signal.RESYNC
    assert listener.waiting.empty()
    for _ in range(live.QUEUE_MAX):
        listener.hand(_of("U"))
    listener.end()
    assert listener.waiting.get_nowait() is live.Signal.ENDED
