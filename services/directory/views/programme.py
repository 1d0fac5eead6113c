"""What the programme shows: phases, contacts, what was held, coverage, appraisals, and the year in numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from contracts.access import COORDINATOR, Subject
from contracts.policy import Policy
from contracts.policy.duties import Duty, Obligation
from contracts.policy.programme import Phase, Yearly
from services.directory.domain.programme import Coverage, speaks_for
from services.directory.domain.records import Appraisal, Record
from services.directory.domain.township import OUTSIDE_KINDS, Label, Township
from services.directory.views import StaffView, staff

CADRES = ("township_head", "responsible_leader", "civil_affairs_supervisor", "child_supervisor", "grid_head")


class PhasesView(BaseModel):
    """The phases, the policy's until the township writes its own (version 0), and the rhythm of every year."""

    version: int
    phases: list[Phase]
    yearly: Yearly
    available_actions: list[str]


class DutiesView(BaseModel):
    """Duties by the plan's number; the list is complete."""

    items: Sequence[Duty]


class ObligationsView(BaseModel):
    """What a guardian owes a child; the list is complete."""

    items: Sequence[Obligation]


class VillageContacts(BaseModel):
    """Who answers for a village. None = vacant."""

    village: str
    label: Label
    desk_phone: str | None
    responsible: StaffView | None
    director: StaffView | None
    child_director: StaffView | None


class PostContacts(BaseModel):
    """Who holds a post of the township, in calling order."""

    post: str
    people: list[StaffView]


class Superior(BaseModel):
    """An authority above the township or one of its departments, told by hand."""

    code: str
    label: Label
    phone: str | None
    above: list[str]


class ContactsView(BaseModel):
    """Down: the villages. Here: the township's posts. Up: the authorities above (D-7.1.3)."""

    villages: list[VillageContacts]
    township: list[PostContacts]
    superiors: list[Superior]


class TrainingView(BaseModel):
    """A training held."""

    training_id: UUID
    topics: list[str]
    audience: str
    organiser: str
    villages: list[str]
    held_on: date
    headcount: int
    recorded_at: datetime


class PublicityView(BaseModel):
    """A publicity activity held."""

    publicity_id: UUID
    kind: str
    organiser: str
    villages: list[str]
    on: date
    hotline_published: bool
    recorded_at: datetime


class ActivityView(BaseModel):
    """Another activity of the programme."""

    activity_id: UUID
    kind: str
    organiser: str
    villages: list[str]
    on: date
    headcount: int | None
    recorded_at: datetime


class VillageTrainings(BaseModel):
    """A village's trainings of a year."""

    village: str
    held: int
    missing: int
    topics: Mapping[str, int]
    topics_missing: Sequence[str]


class CoverageView(BaseModel):
    """A year's trainings against the policy. `topics_missing`: not yet held anywhere in the township."""

    year: int
    per_village_per_year: int
    each_topic_per_year: int
    villages: list[VillageTrainings]
    topics: Mapping[str, int]
    topics_missing: Sequence[str]


class AppraisalView(BaseModel):
    """A commendation or criticism. `remark` and `reply` are null for those who may not read the words."""

    appraisal_id: UUID
    subject_kind: str
    subject: str
    sign: str
    ground: str
    period: str
    state: str
    reply_due_at: datetime | None
    remark: str | None
    reply: str | None
    recorded_at: datetime
    replied_at: datetime | None
    settled_at: datetime | None
    available_actions: list[str]
    version: int


class SummaryView(BaseModel):
    """A year in numbers, for the summing up (D-6.3). Withdrawn appraisals are not counted."""

    year: int
    phases: list[Phase]
    trainings: int
    trained_people: int
    training: CoverageView
    publicity: Mapping[str, int]
    hotline_published_in: list[str]
    activities: Mapping[str, int]
    appraisals: Mapping[str, Mapping[str, int]]
    criticisms_by_subject: Mapping[str, int]
    stations: int
    providers: Mapping[str, int]
    vacant_posts: int
    gaps_found: Mapping[str, int]


def contacts(township: Township, policy: Policy, subject: Subject) -> ContactsView:
    """The roster of contacts as this subject may see it: numbers of people as in the staff list, of desks open."""

    def person(staff_id: str | None) -> StaffView | None:
        member = township.member(staff_id)
        return staff(member, subject) if member else None

    def people(post: str) -> list[StaffView]:
        return [view for one in dict.fromkeys(township.holding(post)) if (view := person(one)) is not None]

    above: dict[str, list[str]] = {}
    for department in policy.departments:
        above.setdefault(department.parent_body or "", []).append(department.code)
    bodies = [unit for unit in township.organisations if unit.kind in OUTSIDE_KINDS]
    villages = []
    for village in township.villages:
        committee = township.organisation(village.organisation)
        villages.append(
            VillageContacts(
                village=village.code,
                label=village.label,
                desk_phone=committee.desk_phone if committee else None,
                responsible=person(village.responsible),
                director=person(village.director),
                child_director=person(village.child_director),
            )
        )
    return ContactsView(
        villages=villages,
        township=[PostContacts(post=post, people=people(post)) for post in CADRES],
        superiors=[
            Superior(code=body.code, label=body.label, phone=body.desk_phone, above=above.get(body.code, []))
            for body in bodies
        ],
    )


def training(record: Record) -> TrainingView:
    """A record that is a training."""
    return TrainingView.model_validate({"training_id": record.id, **_plain(record)})


def publicity(record: Record) -> PublicityView:
    """A record that is publicity."""
    return PublicityView.model_validate(
        {"publicity_id": record.id, "kind": record.code, "on": record.held_on, **_plain(record)}
    )


def activity(record: Record) -> ActivityView:
    """A record that is another activity."""
    return ActivityView.model_validate(
        {"activity_id": record.id, "kind": record.code, "on": record.held_on, **_plain(record)}
    )


def _plain(record: Record) -> dict[str, Any]:
    names = ("topics", "audience", "organiser", "villages", "held_on", "headcount", "hotline_published", "recorded_at")
    return {name: getattr(record, name) for name in names}


def coverage(year: int, found: Coverage, policy: Policy) -> CoverageView:
    """A year's trainings."""
    rule = policy.programme.training
    return CoverageView(
        year=year,
        per_village_per_year=rule.per_village_per_year,
        each_topic_per_year=rule.each_topic_per_year,
        villages=[
            VillageTrainings(
                village=row.village,
                held=row.held,
                missing=row.missing,
                topics=row.topics,
                topics_missing=row.topics_missing,
            )
            for row in found.villages
        ],
        topics=found.topics,
        topics_missing=found.topics_missing,
    )


def appraisal(value: Appraisal, subject: Subject) -> AppraisalView:
    """An appraisal as this subject may see it: the words for the unit, civil affairs, supervisors and the recorder."""
    own = speaks_for(subject, value.subject_kind, value.answers)
    judges = not own and (subject.department == COORDINATOR or subject.supervises)
    reads = own or judges or value.recorded_by.get("account") == subject.account
    actions = ["reply"] if own and value.state == "recorded" else []
    if judges and value.state != "withdrawn":
        actions = [*actions, "withdraw"]
    names = set(AppraisalView.model_fields) - {"appraisal_id", "remark", "reply", "available_actions"}
    return AppraisalView.model_validate(
        {
            **{name: getattr(value, name) for name in names},
            "appraisal_id": value.id,
            "remark": value.remark if reads else None,
            "reply": value.reply if reads else None,
            "available_actions": actions,
        }
    )


def summary(
    township: Township,
    year: int,
    phases: list[Phase],
    trainings: CoverageView,
    held: Sequence[Record],
    judged: Iterable[Appraisal],
    vacant_posts: int,
    gaps_found: Mapping[str, int],
) -> SummaryView:
    """The year in numbers."""
    counted = [one for one in judged if one.state != "withdrawn"]
    by_kind = {kind: [one for one in held if one.kind == kind] for kind in ("training", "publicity", "activity")}
    published = {village for one in by_kind["publicity"] if one.hotline_published for village in one.villages}
    return SummaryView(
        year=year,
        phases=[phase for phase in phases if phase.first[:4] <= str(year) <= phase.last[:4]],
        trainings=len(by_kind["training"]),
        trained_people=sum(one.headcount or 0 for one in by_kind["training"]),
        training=trainings,
        publicity=Counter(one.code or "" for one in by_kind["publicity"]),
        hotline_published_in=sorted(published),
        activities=Counter(one.code or "" for one in by_kind["activity"]),
        appraisals={
            sign: Counter(one.ground for one in counted if one.sign == sign) for sign in ("positive", "negative")
        },
        criticisms_by_subject=Counter(one.subject for one in counted if one.sign == "negative"),
        stations=len(township.stations),
        providers=Counter(one.kind for one in township.providers),
        vacant_posts=vacant_posts,
        gaps_found=gaps_found,
    )
