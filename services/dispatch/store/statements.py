"""The statements of dispatch: load responses in bulk, write the difference between two values of each in bulk."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.consumer import NotYet
from chassis.transaction import Connection, Transaction
from chassis.transaction import Deadline as Armed
from contracts.directory import TownshipPublished
from contracts.policy import WorkingCalendar, load_calendar, load_policy
from services.dispatch.domain.response import Finished, ResponseFile
from services.dispatch.domain.units import Township, township_of
from services.dispatch.store.clocks import (
    BESIDE,
    armed_of,
    clock_of,
    finished_of,
    finished_row,
    page_id,
    paging_of,
    pause_end_id,
    pause_end_of,
)
from services.dispatch.store.rows import (
    REFERRAL_TYPES,
    RESPONSE_TYPES,
    changed_referrals,
    referral_of,
    response_file,
    response_row,
)

FINISHED_TYPES = {
    "deadline_id": "uuid", "response_id": "uuid", "case_id": "uuid", "township": "text", "step": "text",
    "organisation": "text", "state": "text", "at": "timestamptz", "due_at": "timestamptz", "late_seconds": "int",
    "reason": "text", "detail": "jsonb",
}  # fmt: skip
_HOT = [name for name in RESPONSE_TYPES if name != "body"]


def _insert(table: str, types: Mapping[str, str]) -> str:
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types.values(), 1))
    return f"INSERT INTO {table} ({', '.join(types)}) SELECT * FROM unnest({arrays})"  # noqa: S608  our own names


_ADD_RESPONSES = _insert("response", RESPONSE_TYPES)
_SAVE_RESPONSES = (
    "UPDATE response r SET "  # noqa: S608  our own names
    + ", ".join(f"{name} = n.{name}" for name in _HOT if name != "response_id")
    + ", body = coalesce(n.body, r.body) FROM unnest("
    + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(RESPONSE_TYPES.values(), 1))
    + f") AS n({', '.join(RESPONSE_TYPES)}) WHERE r.response_id = n.response_id"
)
_SAVE_REFERRALS = (
    _insert("referral", REFERRAL_TYPES)
    + " ON CONFLICT (referral_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in REFERRAL_TYPES if name != "referral_id")
)
_ADD_FINISHED = _insert("finished_step", FINISHED_TYPES)


# Townships ---------------------------------------------------------------------------------------------------------

_parsed: dict[str, Township] = {}


async def keep_townships(db: Connection, published: Sequence[TownshipPublished]) -> None:
    """Keep each snapshot that is newer than the one held."""
    await db.execute(
        """
        INSERT INTO township_snapshot (township, version, body)
        SELECT * FROM unnest($1::text[], $2::int[], $3::jsonb[])
        ON CONFLICT (township) DO UPDATE SET version = excluded.version, body = excluded.body
        WHERE excluded.version > township_snapshot.version
        """,
        [one.township for one in published],
        [one.version for one in published],
        [one.model_dump(mode="json") for one in published],
    )


async def townships(db: Connection, codes: Iterable[str]) -> dict[str, Township]:
    """The newest structure of each township, parsed once per version. Raises NotYet when one was never published."""
    wanted = sorted(set(codes))
    rows = await db.fetch("SELECT township, version FROM township_snapshot WHERE township = ANY($1::text[])", wanted)
    versions = {row["township"]: row["version"] for row in rows}
    if missing := [code for code in wanted if code not in versions]:
        raise NotYet(f"township {missing[0]} is not published yet")
    stale = [code for code, version in versions.items() if code not in _parsed or _parsed[code].version != version]
    if stale:
        for row in await db.fetch("SELECT body FROM township_snapshot WHERE township = ANY($1::text[])", stale):
            parsed = township_of(TownshipPublished.model_validate(row["body"]))
            _parsed[parsed.code] = parsed
    return {code: _parsed[code] for code in wanted}


# Responses: load ---------------------------------------------------------------------------------------------------


async def open_responses(
    tx: Transaction, case_ids: Sequence[UUID], *, finished: bool = False
) -> dict[UUID, ResponseFile]:
    """The open response of each case that has one, with referrals and running clocks; under the keys' locks.

    `finished` loads what was met or cancelled too, for changes that must not start it again.
    """
    rows = await tx.db.fetch("SELECT * FROM response WHERE case_id = ANY($1::uuid[]) AND state = 'open'", case_ids)
    return {file.case_id: file for file in await _assembled(tx, rows, finished=finished)}


async def response_of_referral(tx: Transaction, referral_id: UUID) -> ResponseFile | None:
    """The response of a referral, open or closed, with its key locked; None when there is no such referral."""
    row = await tx.db.fetchrow("SELECT case_id, response_id FROM referral WHERE referral_id = $1", referral_id)
    if row is None:
        return None
    await tx.lock([str(row["case_id"])])
    rows = await tx.db.fetch("SELECT * FROM response WHERE response_id = $1", row["response_id"])
    return (await _assembled(tx, rows))[0]


async def _assembled(tx: Transaction, rows: Sequence[Any], *, finished: bool = False) -> list[ResponseFile]:
    if not rows:
        return []
    ids = [row["response_id"] for row in rows]
    referrals: dict[UUID, list[Any]] = {response_id: [] for response_id in ids}
    for row in await referral_rows(tx.db, ids):
        referrals[row["response_id"]].append(referral_of(row))
    clocks: dict[UUID, list[Any]] = {response_id: [] for response_id in ids}
    for armed in await tx.armed([str(row["case_id"]) for row in rows]):
        if armed.kind not in BESIDE:
            clocks.setdefault(UUID(armed.detail["response_id"]), []).append(clock_of(armed))
    done: dict[UUID, list[Finished]] = {response_id: [] for response_id in ids}
    for row in await finished_rows(tx.db, ids) if finished else []:
        done[row["response_id"]].append(finished_of(row))
    return [
        response_file(row, referrals[found], clocks[found], done[found])
        for row, found in ((row, row["response_id"]) for row in rows)
    ]


async def referral_rows(db: Connection, response_ids: Sequence[UUID]) -> list[Any]:
    """Every referral of these responses, in the order they were issued."""
    return list(
        await db.fetch(
            "SELECT * FROM referral WHERE response_id = ANY($1::uuid[]) ORDER BY issued_at, referral_id", response_ids
        )
    )


async def finished_rows(db: Connection, response_ids: Sequence[UUID]) -> list[Any]:
    """Everything that was met or cancelled in these responses, oldest first."""
    return list(
        await db.fetch(
            "SELECT * FROM finished_step WHERE response_id = ANY($1::uuid[]) ORDER BY at, deadline_id", response_ids
        )
    )


# Responses: save ---------------------------------------------------------------------------------------------------

Change = tuple[ResponseFile | None, ResponseFile]
"""A response before (None: it opens) and after."""


async def save(tx: Transaction, changes: Iterable[Change]) -> list[ResponseFile]:
    """Write what changed: responses, referrals, clocks. Returns the responses as kept, with their referrals' versions."""
    kept: list[ResponseFile] = []
    new: list[dict[str, Any]] = []
    altered: list[dict[str, Any]] = []
    referrals: list[dict[str, Any]] = []
    finished: list[dict[str, Any]] = []
    calendar = load_calendar()
    # A closing response must free its case before the next round takes it (unique index), so updates come first.
    for before, after in changes:
        after, rows = changed_referrals(before, after, tx.now)
        kept.append(after)
        referrals += rows
        row = response_row(after)
        if before is None:
            new.append(row)
        elif (old := response_row(before)) != row:
            altered.append({**row, "body": None if old["body"] == row["body"] else row["body"]})
        since = len(before.finished) if before else 0
        finished += [finished_row(one, after) for one in after.finished[since:]]
        _set_clocks(tx, before, after, calendar)
    await _write(tx.db, _SAVE_RESPONSES, RESPONSE_TYPES, altered)
    await _write(tx.db, _ADD_RESPONSES, RESPONSE_TYPES, new)
    await _write(tx.db, _SAVE_REFERRALS, REFERRAL_TYPES, referrals)
    await _write(tx.db, _ADD_FINISHED, FINISHED_TYPES, finished)
    return kept


async def _write(db: Connection, statement: str, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await db.execute(statement, *([row[name] for row in rows] for name in types))


def _set_clocks(tx: Transaction, before: ResponseFile | None, after: ResponseFile, calendar: WorkingCalendar) -> None:
    """Arm what is new or moved, end what is not there any more, and keep the paging beside each unsigned S4."""
    policy = load_policy(after.policy_version)
    known = {clock.id: clock for clock in before.clocks} if before else {}
    same_level = before is not None and before.level == after.level
    for clock in after.clocks:
        old = known.get(clock.id)
        if before is None or old is None:
            tx.arm(armed_of(clock, after, policy, calendar))
            if page := paging_of(clock, after, policy):
                tx.arm(page)
        elif old != clock or not same_level:
            _rearm(tx, armed_of(old, before, policy, calendar), armed_of(clock, after, policy, calendar))
            if page := paging_of(clock, after, policy):
                _rearm(tx, paging_of(old, before, policy), page)
            elif paging_of(old, before, policy):
                tx.end(page_id(clock.id), "cancelled", tx.now)
    since = len(before.finished) if before else 0
    for one in after.finished[since:]:
        if one.clock.id in known:
            tx.end(one.clock.id, one.state, one.at)
            if one.clock.deadline.step == "S4":
                tx.end(page_id(one.clock.id), one.state, one.at)

    _set_pause(tx, before, after)


def _set_pause(tx: Transaction, before: ResponseFile | None, after: ResponseFile) -> None:
    """A running pause has a clock that ends it."""
    pause = after.pause
    was = before.pause if before else None
    if pause is None or pause == was:
        return
    if pause.state == "running":
        tx.arm(pause_end_of(pause, after))
    elif was is not None and was.state == "running":
        tx.end(pause_end_id(was), "met", pause.ended_at or tx.now)


def _rearm(tx: Transaction, old: Armed | None, new: Armed) -> None:
    """Arm again what changed. A clock whose whole plan has run only repeats; arming it again would start the
    repetitions over and say the same twice."""
    ran_out = old is not None and old.plan[-1][0] <= tx.now and new.due_at == old.due_at
    if old != new and not ran_out:
        tx.arm(new)
