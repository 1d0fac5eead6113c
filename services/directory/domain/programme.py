"""Training wanted and held (D-4.8.1, D-4.8.2), and the life of an appraisal (D-4.9.2, D-4.9.3). Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.access import Subject
from contracts.policy.programme import Training
from services.directory.domain.township import Township

State = Literal["recorded", "replied", "final", "withdrawn"]
SubjectKind = Literal["village", "department", "person"]


@dataclass(frozen=True, slots=True)
class Held:
    """A training as far as coverage asks: its topics and villages."""

    topics: tuple[str, ...]
    villages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VillageCoverage:
    """A village's trainings in a year, how many are still missing, and which topics it has not had."""

    village: str
    held: int
    missing: int
    topics: Mapping[str, int]
    topics_missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """A year's trainings against the policy; `topics_missing` counts over the whole township."""

    villages: tuple[VillageCoverage, ...]
    topics: Mapping[str, int]
    topics_missing: tuple[str, ...]


def training_coverage(held: Sequence[Held], villages: Iterable[str], rule: Training) -> Coverage:
    """What was held against what is wanted. A training of several topics counts once for the village and for each topic."""
    wanted = [topic.code for topic in rule.topics]

    def missing(counts: Mapping[str, int]) -> tuple[str, ...]:
        return tuple(code for code in wanted if counts.get(code, 0) < rule.each_topic_per_year)

    rows = []
    for village in villages:
        own = [training for training in held if village in training.villages]
        counts = Counter(topic for training in own for topic in set(training.topics))
        short = max(0, rule.per_village_per_year - len(own))
        rows.append(VillageCoverage(village, len(own), short, dict(counts), missing(counts)))
    total = Counter(topic for training in held for topic in set(training.topics))
    return Coverage(tuple(rows), dict(total), missing(total))


def unit_of(kind: SubjectKind, subject: str, township: Township) -> str | None:
    """The unit that answers for whom an appraisal is about: a village's committee, a department, a person's unit. None:
    no such village, department or person."""
    if kind == "village":
        return next((one.organisation for one in township.villages if one.code == subject), None)
    if kind == "person":
        person = township.member(subject)
        return person.organisation if person else None
    return subject if any(unit.department == subject for unit in township.organisations) else None


def speaks_for(asks: Subject, kind: SubjectKind, answers: str) -> bool:
    """Whether a subject belongs to the unit (`unit_of`) that an appraisal is about: may reply, and may not judge."""
    return answers == (asks.department if kind == "department" else asks.organisation)


def refused_reply(state: State, due_at: datetime | None, at: datetime) -> str | None:
    """Why no reply is taken: the rule that refuses, None when it is. One reply, within the period (policy `reply_right`)."""
    if due_at is None:
        return "no_reply_to_commendation"
    if state == "recorded":
        return "reply_period_over" if at > due_at else None
    return {"replied": "already_replied", "withdrawn": "appraisal_withdrawn"}.get(state, "appraisal_final")
