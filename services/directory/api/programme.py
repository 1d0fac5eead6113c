"""The programme as a whole: phases, duties, the guardians' checklist, contacts up and down, and the year's summary."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.problem import FieldError, invalid
from chassis.transaction import Connection, Transaction
from contracts.access import Subject, may
from contracts.policy import load_policy
from contracts.policy.duties import load_duties
from contracts.policy.programme import Month, Phase
from services.directory.api.providers import LabelIn
from services.directory.api.township import Body, lock_township, read_township
from services.directory.domain.alerts import alerts
from services.directory.domain.programme import Held, training_coverage
from services.directory.domain.records import Record
from services.directory.domain.township import Township
from services.directory.store import records
from services.directory.views import programme as views

router = APIRouter(prefix="/api/v1/programme", tags=["programme"])
Reader = Annotated[Subject, guard("programme.read")]
Planner = Annotated[Subject, guard("programme.plan")]
Year = Annotated[int, Query(ge=2022, le=2100)]


class PhaseIn(Body):
    """A phase by its first and last month."""

    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]
    label: LabelIn
    first: Month
    last: Month


class PhasesIn(Body):
    """All phases. They are a calendar for people: no route and no clock depends on them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "phases": [
                        {
                            "code": "survey_2027",
                            "label": {"zh": "2027年调查准备", "en": "Survey 2027"},
                            "first": "2027-03",
                            "last": "2027-03",
                        }
                    ]
                }
            ]
        },
    )

    phases: list[PhaseIn] = Field(min_length=1, max_length=50)


@router.get("/phases", response_model=views.PhasesView)
async def read_phases(request: Request, subject: Reader, db: Reading, runtime: RuntimeOf) -> Response:
    """The phases (D-6.1 to D-6.3) and the months of every year's rescreen and summary."""
    _, township = await read_township(runtime, db, subject)
    phases, version = await _phases(db, township)
    return versioned(request, _view(township, phases, version, subject), version)


@router.put("/phases", response_model=views.PhasesView)
async def write_phases(body: PhasesIn, subject: Planner, command: CommandOf) -> Response:
    """Put the township's own phases in place of what held."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _, version = await _phases(tx.db, township)
        command.match(version)
        codes = [phase.code for phase in body.phases]
        wrong = [
            FieldError(
                f"#/phases/{i}/last", "ends_before_it_begins", "不得早于开始月份", "must not lie before the first month"
            )
            for i, phase in enumerate(body.phases)
            if phase.last < phase.first
        ]
        wrong += [
            FieldError(f"#/phases/{i}/code", "used_twice", "代码重复", "this code is used twice")
            for i, code in enumerate(codes)
            if code in codes[:i]
        ]
        if wrong:
            raise invalid(*wrong)
        phases = [
            Phase.model_validate({"code": one.code, "label": one.label.model_dump(), "from": one.first, "to": one.last})
            for one in body.phases
        ]
        saved = await records.save_phases(
            tx, township.code, [phase.model_dump(mode="json", by_alias=True) for phase in phases]
        )
        tx.audit(township.code, "programme.plan", subject.actor().model_dump(), {"version": saved})
        return Reply(200, _view(township, phases, saved, subject), version=saved)

    return await command.run(act, body)


async def _phases(db: Connection, township: Township) -> tuple[list[Phase], int]:
    own, version = await records.phases(db, township.code)
    if own is None:
        return list(load_policy(township.policy_version).programme.phases), version
    return [Phase.model_validate(one) for one in own], version


def _view(township: Township, phases: list[Phase], version: int, subject: Subject) -> views.PhasesView:
    yearly = load_policy(township.policy_version).programme.yearly
    actions = ["write"] if may(subject, "programme.plan") else []
    return views.PhasesView(version=version, phases=phases, yearly=yearly, available_actions=actions)


@router.get("/duties")
async def list_duties(subject: Reader, department: str | None = None) -> views.DutiesView:
    """What each department has to do (D-7.1.1), of one department or all."""
    return views.DutiesView(items=[duty for duty in load_duties().duties if department in {None, duty.department}])


@router.get("/guardian-obligations")
async def list_guardian_obligations(subject: Reader) -> views.ObligationsView:
    """What a guardian owes a child (D-7.2.1), as a checklist for visits and interviews."""
    return views.ObligationsView(items=load_duties().guardian_obligations)


@router.get("/contacts")
async def read_contacts(subject: Reader, db: Reading, runtime: RuntimeOf) -> views.ContactsView:
    """Who answers in every village and for the township, and which authorities stand above (D-7.1.3)."""
    _, township = await read_township(runtime, db, subject)
    return views.contacts(township, load_policy(township.policy_version), subject)


@router.get("/summary")
async def read_summary(subject: Reader, db: Reading, runtime: RuntimeOf, year: Year) -> views.SummaryView:
    """A year in numbers, for the report that sums it up (D-6.3)."""
    _, township = await read_township(runtime, db, subject)
    phases, _ = await _phases(db, township)
    held = await records.records_of_year(db, township.code, year)
    return views.summary(
        township,
        year,
        phases,
        year_of_training(township, held, year),
        held,
        await records.appraisals_of_year(db, township.code, year),
        sum(alert.kind == "vacant_post" for alert in alerts(township)),
        await records.gaps_of_year(db, township.code, year),
    )


def year_of_training(township: Township, held: list[Record], year: int) -> views.CoverageView:
    """A year's trainings against the policy, over every village."""
    policy = load_policy(township.policy_version)
    trainings = [Held(tuple(one.topics), tuple(one.villages)) for one in held if one.kind == "training"]
    villages = [village.code for village in township.villages]
    return views.coverage(year, training_coverage(trainings, villages, policy.programme.training), policy)
