"""What was held: trainings (D-4.8.1, D-4.8.2), publicity (D-4.8.3, D-7.4) and other activities (D-5.1.3, D-5.6.4, D-5.7.2)."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.directory import PublicityRecorded, TrainingRecorded
from contracts.policy import load_policy
from contracts.policy.programme import Choice
from services.directory.api.programme import Year, year_of_training
from services.directory.api.township import Body, lock_township, read_township
from services.directory.domain.records import Record, RecordKind
from services.directory.domain.township import Township
from services.directory.store import records
from services.directory.views import programme as views

router = APIRouter(prefix="/api/v1")
Reader = Annotated[Subject, guard("programme.read")]
Recorder = Annotated[Subject, guard("programme.write")]
OneYear = Annotated[int | None, Query(ge=2022, le=2100)]


class HeldIn(Body):
    """Something held. `organiser`: by default the own unit; for another unit only civil affairs and the government record."""

    organiser: str | None = Field(default=None, max_length=40)
    villages: list[str] = Field(default=[], max_length=100)


class TrainingIn(HeldIn):
    """A training held."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "topics": ["law", "anti_abduction"],
                    "audience": "guardians",
                    "villages": ["V01"],
                    "held_on": "2026-11-20",
                    "headcount": 42,
                }
            ]
        },
    )

    topics: list[str] = Field(min_length=1, max_length=20)
    audience: str = Field(max_length=40)
    villages: list[str] = Field(min_length=1, max_length=100)
    held_on: date
    headcount: int = Field(ge=1, le=100_000)


class PublicityIn(HeldIn):
    """A publicity activity held."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "column", "villages": ["V01"], "on": "2026-11-20", "hotline_published": True}]
        },
    )

    kind: str = Field(max_length=40)
    on: date
    hotline_published: bool = False


class ActivityIn(HeldIn):
    """Another activity held."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "medical_outreach", "villages": ["V02"], "on": "2026-11-20", "headcount": 30}]
        },
    )

    kind: str = Field(max_length=40)
    on: date
    headcount: int | None = Field(default=None, ge=1, le=100_000)


@router.post("/trainings", response_model=views.TrainingView, status_code=201, tags=["programme"])
async def record_training(body: TrainingIn, subject: Recorder, command: CommandOf) -> Response:
    """Record a training held: topics, audience, organiser, day, headcount and villages."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        rule = load_policy(township.policy_version).programme.training
        wrong = _not_among(body.topics, rule.topics, "#/topics/{}")
        wrong += _not_among([body.audience], rule.audiences, "#/audience")
        record = await _keep(tx, township, subject, body, "training", body.held_on, "#/held_on", wrong)
        payload = TrainingRecorded(
            township=township.code,
            training_id=record.id,
            topics=tuple(record.topics),
            audience=body.audience,
            organiser=record.organiser,
            villages=tuple(record.villages),
            held_on=body.held_on,
            headcount=body.headcount,
            by=subject.actor(),
            at=tx.now,
        )
        tx.publish(township.code, payload)
        return Reply(201, views.training(record))

    return await command.run(act, body)


@router.get("/trainings", tags=["programme"])
async def list_trainings(
    subject: Reader, db: Reading, paging: PageOf, year: OneYear = None
) -> Page[views.TrainingView]:
    """Trainings, newest first."""
    found = await _held(db, subject, "training", year, paging)
    return paging.page(
        [views.training(one) for one in found], lambda view: (view.held_on.isoformat(), view.training_id)
    )


@router.get("/trainings/coverage", tags=["programme"])
async def read_training_coverage(subject: Reader, db: Reading, runtime: RuntimeOf, year: Year) -> views.CoverageView:
    """A year's trainings per village and topic, and what the policy still wants."""
    _, township = await read_township(runtime, db, subject)
    return year_of_training(township, await records.records_of_year(db, township.code, year), year)


@router.post("/publicity", response_model=views.PublicityView, status_code=201, tags=["programme"])
async def record_publicity(body: PublicityIn, subject: Recorder, command: CommandOf) -> Response:
    """Record publicity, and whether the hotline's number stood on it."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        wrong = _not_among([body.kind], load_policy(township.policy_version).programme.publicity, "#/kind")
        record = await _keep(tx, township, subject, body, "publicity", body.on, "#/on", wrong)
        payload = PublicityRecorded(
            township=township.code,
            publicity_id=record.id,
            kind=body.kind,
            villages=tuple(record.villages),
            on=body.on,
            hotline_published=body.hotline_published,
            by=subject.actor(),
            at=tx.now,
        )
        tx.publish(township.code, payload)
        return Reply(201, views.publicity(record))

    return await command.run(act, body)


@router.get("/publicity", tags=["programme"])
async def list_publicity(
    subject: Reader, db: Reading, paging: PageOf, year: OneYear = None
) -> Page[views.PublicityView]:
    """Publicity, newest first."""
    found = await _held(db, subject, "publicity", year, paging)
    return paging.page([views.publicity(one) for one in found], lambda view: (view.on.isoformat(), view.publicity_id))


@router.post("/programme/activities", response_model=views.ActivityView, status_code=201, tags=["programme"])
async def record_activity(body: ActivityIn, subject: Recorder, command: CommandOf) -> Response:
    """Record family care, medical outreach, the staff and pay policy, prevention or charity: a record and no more."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        wrong = _not_among([body.kind], load_policy(township.policy_version).programme.activities, "#/kind")
        record = await _keep(tx, township, subject, body, "activity", body.on, "#/on", wrong)
        return Reply(201, views.activity(record))

    return await command.run(act, body)


@router.get("/programme/activities", tags=["programme"])
async def list_activities(
    subject: Reader, db: Reading, paging: PageOf, year: OneYear = None
) -> Page[views.ActivityView]:
    """Activities, newest first."""
    found = await _held(db, subject, "activity", year, paging)
    return paging.page([views.activity(one) for one in found], lambda view: (view.on.isoformat(), view.activity_id))


async def _held(db: Reading, subject: Subject, kind: RecordKind, year: int | None, paging: PageOf) -> list[Record]:
    after = paging.after(str, UUID)
    return await records.list_records(db, subject.township, kind, year, after=after, limit=paging.fetch)


async def _keep(
    tx: Transaction,
    township: Township,
    subject: Subject,
    body: TrainingIn | PublicityIn | ActivityIn,
    kind: RecordKind,
    day: date,
    pointer: str,
    wrong: Sequence[FieldError],
) -> Record:
    """Check what every record needs, and keep it with an entry in the audit chain."""
    found = [*wrong, *_wrong_place(township, subject, body)]
    if day > tx.now.astimezone(ZoneInfo(township.timezone)).date():
        found.append(FieldError(pointer, "in_the_future", "不得晚于今天", "must not lie ahead"))
    if found:
        raise invalid(*found)
    organiser = body.organiser or subject.organisation or ""
    if organiser != subject.organisation and subject.department not in {COORDINATOR, GOVERNMENT}:
        raise forbidden("other_organisation")
    if subject.department == VILLAGE and not set(body.villages) <= subject.villages:
        raise forbidden("other_village")
    record = Record(
        id=tx.new_id(kind),
        township=township.code,
        kind=kind,
        code=None if isinstance(body, TrainingIn) else body.kind,
        topics=list(dict.fromkeys(body.topics)) if isinstance(body, TrainingIn) else [],
        audience=body.audience if isinstance(body, TrainingIn) else None,
        organiser=organiser,
        villages=list(dict.fromkeys(body.villages)),
        held_on=day,
        headcount=None if isinstance(body, PublicityIn) else body.headcount,
        hotline_published=isinstance(body, PublicityIn) and body.hotline_published,
        recorded_by=subject.actor().model_dump(),
        recorded_at=tx.now,
    )
    await records.add_record(tx, record)
    tx.audit(township.code, "programme.record", subject.actor().model_dump(), {"kind": kind, "record": str(record.id)})
    return record


def _wrong_place(township: Township, subject: Subject, body: HeldIn) -> Iterable[FieldError]:
    villages = {village.code for village in township.villages}
    for i, village in enumerate(body.villages):
        if village not in villages:
            yield FieldError(f"#/villages/{i}", "unknown_village", "没有这个村或社区", "no such village or community")
    organiser = body.organiser or subject.organisation
    if township.organisation(organiser) is None and township.provider(organiser) is None:
        yield FieldError("#/organiser", "unknown_organisation", "没有这个单位", "no such organisation or provider")


def _not_among(values: Sequence[str], choices: Sequence[Choice], pointer: str) -> list[FieldError]:
    known = [choice.code for choice in choices]
    expected = ", ".join(known)
    return [
        FieldError(pointer.format(i), "unknown_code", f"应为：{expected}", f"must be one of: {expected}")
        for i, value in enumerate(values)
        if value not in known
    ]
