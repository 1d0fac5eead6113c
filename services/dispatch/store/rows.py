"""Responses and referrals as rows and back. What a queue sorts or filters by has a column; the rest is one JSON body."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from contracts.dispatch import Notice
from contracts.policy import Label
from contracts.vocabulary import Place, Reporter
from services.dispatch.domain.response import Child, Clock, Finished, Pause, Referral, ResponseFile
from services.dispatch.domain.routing import Addition

Row = Mapping[str, Any] | asyncpg.Record
_PAUSE = TypeAdapter(Pause)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Sorts referrals without a clock to the end of a queue."""

RESPONSE_TYPES = {
    "response_id": "uuid", "case_id": "uuid", "case_number": "text", "response_no": "int", "report_id": "uuid",
    "township": "text", "village": "text", "group_code": "text", "zone": "text", "outside": "bool", "state": "text",
    "level": "text", "restricted": "bool", "transfer_out": "bool", "provisional": "bool", "case_lead": "text",
    "coordinator": "text", "conflict_units": "text", "guardian": "text", "received_at": "timestamptz",
    "dispatched_at": "timestamptz", "first_contact_at": "timestamptz", "safety_confirmed_at": "timestamptz",
    "safety_basis": "text", "closed_at": "timestamptz", "entered_by": "text", "policy_version": "text", "body": "jsonb",
}  # fmt: skip
REFERRAL_TYPES = {
    "referral_id": "uuid", "response_id": "uuid", "case_id": "uuid", "case_number": "text", "township": "text",
    "department": "text", "organisation": "text", "village": "text", "group_code": "text", "role": "text",
    "state": "text", "level": "text", "restricted": "bool", "conflict_units": "text", "masked": "bool",
    "notice_post": "text", "issued_at": "timestamptz", "ack_due": "timestamptz", "acknowledged_at": "timestamptz",
    "completed_at": "timestamptz", "outcome": "text", "ended_reason": "text", "acted_at": "timestamptz",
    "returns": "int", "buck_passing": "bool",
    "return_reason": "text", "proposed_department": "text", "return_note_id": "uuid",
    "urged_at": "timestamptz", "next_step": "text",
    "next_due_at": "timestamptz", "next_deadline_id": "uuid", "queued": "bool", "queue_at": "timestamptz",
    "body": "jsonb", "version": "int", "updated_at": "timestamptz",
}  # fmt: skip
CLOCK_COLUMNS = frozenset({"next_step", "next_due_at", "next_deadline_id", "queued", "queue_at", "urged_at", "version"})
"""Columns that follow the clocks or press for haste: when they change, what a department decided on has not, nor has the
version."""


def units_text(blocked: frozenset[str]) -> str:
    """Units with a conflict of interest as one column."""
    return ",".join(sorted(blocked))


# Responses -------------------------------------------------------------------------------------------------------


def response_row(file: ResponseFile) -> dict[str, Any]:
    """A response as columns."""
    plain = {name: getattr(file, name) for name in RESPONSE_TYPES if hasattr(file, name)}
    return {
        **plain,
        "village": file.place.village,
        "group_code": file.place.group,
        "zone": file.place.zone,
        "outside": file.place.outside,
        "conflict_units": units_text(file.blocked),
        "body": _body(file),
    }


def _body(file: ResponseFile) -> dict[str, Any]:
    return {
        "children": [
            {
                "child_id": str(child.child_id),
                "concerns": child.concerns,
                "facts": child.facts,
                "answers": child.answers,
                "level": child.level,
                "fired": child.fired,
            }
            for child in file.children
        ],
        "reporters": [reporter.model_dump() for reporter in file.reporters],
        "notices": [notice.model_dump(mode="json") for notice in file.notices],
        "external_notices": file.external_notices,
        "units": file.units,
        "moves": file.moves,
        "additions": [_plain_addition(one) for one in file.additions],
        "revoked": {department: list(because) for department, because in file.revoked.items()},
        "safe_until": None if file.safe_until is None else file.safe_until.isoformat(),
        "not_created": file.not_created,
        "assessed": [str(child_id) for child_id in file.assessed],
        **({"pauses": [_plain_pause(pause) for pause in file.pauses]} if file.pauses else {}),
    }


def response_file(
    row: Row,
    referrals: Sequence[Referral],
    clocks: Sequence[Clock],
    finished: Sequence[Finished] = (),
) -> ResponseFile:
    """A response from its rows. A list may leave reporters and notices out of the body."""
    body = row["body"]
    units = row["conflict_units"]
    named = {name: row[name] for name in RESPONSE_TYPES if name in ResponseFile.__dataclass_fields__}
    return ResponseFile(
        **named,
        place=Place(village=row["village"], group=row["group_code"], zone=row["zone"], outside=row["outside"]),
        blocked=frozenset(units.split(",")) if units else frozenset(),
        external_notices=tuple(body["external_notices"]),
        children=tuple(_child(child) for child in body["children"]),
        reporters=tuple(Reporter(**reporter) for reporter in body.get("reporters", ())),
        units=body["units"],
        moves=body["moves"],
        additions=tuple(_addition(one) for one in body.get("additions", ())),
        revoked={department: tuple(because) for department, because in body.get("revoked", {}).items()},
        safe_until=_moment(body.get("safe_until")),
        not_created=body["not_created"],
        notices=tuple(Notice.model_validate(notice) for notice in body.get("notices", ())),
        assessed=tuple(UUID(child_id) for child_id in body["assessed"]),
        pauses=tuple(pause_of(pause) for pause in body.get("pauses", ())),
        referrals=tuple(referrals),
        clocks=tuple(clocks),
        finished=tuple(finished),
    )


def _plain_addition(one: Addition) -> dict[str, Any]:
    return {
        "department": one.department,
        "role": one.role,
        "cause": one.cause,
        "children": [str(child_id) for child_id in one.children],
        "task": None if one.task is None else one.task.model_dump(),
    }


def _addition(plain: Mapping[str, Any]) -> Addition:
    return Addition(
        department=plain["department"],
        role=plain["role"],
        cause=plain["cause"],
        children=tuple(UUID(child_id) for child_id in plain["children"]),
        task=None if plain["task"] is None else Label(**plain["task"]),
    )


def _plain_pause(pause: Pause) -> dict[str, Any]:
    plain: dict[str, Any] = _PAUSE.dump_python(pause, mode="json")
    return plain


def pause_of(plain: Mapping[str, Any]) -> Pause:
    """A pause as a value."""
    return _PAUSE.validate_python(plain)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _child(plain: Mapping[str, Any]) -> Child:
    return Child(
        child_id=UUID(plain["child_id"]),
        concerns=tuple(plain["concerns"]),
        facts=plain["facts"],
        answers=plain["answers"],
        level=plain["level"],
        fired=tuple(plain["fired"]),
    )


# Referrals -------------------------------------------------------------------------------------------------------


def referral_row(referral: Referral, file: ResponseFile) -> dict[str, Any]:
    """A referral as columns, with the nearest clock of its department."""
    clock = file.next_clock(referral)
    due = clock.deadline.due if clock else None
    plain = {name: getattr(referral, name) for name in REFERRAL_TYPES if hasattr(referral, name)}
    return {
        **plain,
        "response_id": file.response_id,
        "case_id": file.case_id,
        "case_number": file.case_number,
        "township": file.township,
        "village": file.place.village,
        "group_code": file.place.group,
        "level": file.level,
        "restricted": file.restricted and not referral.safety_only,
        "conflict_units": units_text(file.blocked),
        "next_step": clock.deadline.step if clock else None,
        "next_due_at": due,
        "next_deadline_id": clock.id if clock else None,
        "queued": referral.open or due is not None,
        "queue_at": due or NEVER,
        "body": {
            "children": [str(child_id) for child_id in referral.children],
            "because": list(referral.because),
            "concerns": list(referral.concerns),
            "tasks": [task.model_dump() for task in referral.tasks],
            "amended_at": None if referral.amended_at is None else referral.amended_at.isoformat(),
            "amended": list(referral.amended),
        },
    }


def referral_of(row: Row) -> Referral:
    """A row as a value."""
    body = row["body"]
    named = {name: row[name] for name in REFERRAL_TYPES if name in Referral.__dataclass_fields__}
    return Referral(
        **named,
        children=tuple(UUID(child_id) for child_id in body["children"]),
        because=tuple(body["because"]),
        concerns=tuple(body["concerns"]),
        tasks=tuple(Label(**task) for task in body["tasks"]),
        amended_at=_moment(body.get("amended_at")),
        amended=tuple(body.get("amended", ())),
    )


def changed_referrals(
    before: ResponseFile | None, after: ResponseFile, now: datetime
) -> tuple[ResponseFile, list[dict[str, Any]]]:
    """The rows that differ, and the response with their new versions."""
    old = {r.referral_id: referral_row(r, before) for r in before.referrals} if before else {}
    kept: list[Referral] = []
    rows = []
    for referral in after.referrals:
        row = referral_row(referral, after)
        known = old.get(referral.referral_id)
        if known != row:
            decided_on = known is not None and any(known[name] != row[name] for name in row.keys() - CLOCK_COLUMNS)
            row["version"] += 1 if decided_on else 0
            row["updated_at"] = now
            referral = replace(referral, version=row["version"], updated_at=now)
            rows.append(row)
        kept.append(referral)
    return replace(after, referrals=tuple(kept)), rows
