"""Who sees which field of a file, and how much of it (policy `data_protection`): one pure decision.

First what bars everything, then what the role sees as a rule, then break-glass. `mask` turns a value into what a
masked reader gets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.access import OPERATOR_SIGHT, VILLAGE, Subject
from contracts.policy import Policy

POLICE, RED = "police", "red"
NOT_ON_DUTY = "not_on_duty"
EMPLOYMENT, WORKING_AGE = "employment", 16
TASKED = frozenset({"lead", "assist"})
LEADERS = frozenset({"duty_leader", "responsible_leader"})

REPORTER_FIELDS = ("reporter_name", "reporter_phone", "reporter_contact")
NARRATIVE, NOTE = "narrative", "note"
SECTIONS: Mapping[str, str] = {
    "family": "family_situation",
    "school": "school_situation",
    "community": "community_situation",
}
"""The context sections of REG-01, REG-03 and REG-07 (D-4.1.2) as fields of the file; every version stays in the vault."""
_POLICY_NAME: Mapping[str, str] = {
    "name": "name",
    "sex": "name",
    "birth_date": "birth_date",
    "id_number": "id_number",
    "phone": "phone",
    "address": "address",
    "location": "location",
    "landmark": "location",
    "outside_place": "location",
    "school": "school_and_class",
    "health": "health",
    "disability": "disability",
    "offences": "offences",
    "drug_test": "drug_test",
    "bank": "bank",
    "payee": "name",
    "guardian_name": "name",
    "guardian_phone": "phone",
    "guardian_id_number": "id_number",
    "family_situation": "address",
    "school_situation": "school_and_class",
    "community_situation": "address",
    **dict.fromkeys(REPORTER_FIELDS, "reporter_identity"),
}
CHILD_FIELDS = tuple(name for name in _POLICY_NAME if name not in REPORTER_FIELDS)
FIELDS = (*CHILD_FIELDS, NARRATIVE, *REPORTER_FIELDS)

_TO_FIND_THE_CHILD = frozenset({"name", "address", "location", "landmark"})
_TASK = frozenset({"name", "sex", "birth_date", "address", "phone", "guardian_name", "guardian_phone"})
_VILLAGE_FULL = (
    _TO_FIND_THE_CHILD
    | {"sex", "birth_date", "phone", "guardian_name", "guardian_phone", "school"}
    | frozenset(SECTIONS.values())
)
_VILLAGE_MASKED = frozenset({"id_number", "guardian_id_number"})
_ALWAYS: frozenset[str] = frozenset()
_NEEDED: Mapping[str, Mapping[str, frozenset[str]]] = {
    "school": {"school": _ALWAYS, "school_situation": _ALWAYS},
    "health": {"health": _ALWAYS, "disability": _ALWAYS, "drug_test": frozenset({"N2"})},
    "justice": {"offences": frozenset({"H1", "H4", "N9a", "N9b", "N9c"})},
    "disabled_federation": {"disability": _ALWAYS, "health": frozenset({"N7"})},
    "youth_league": {"school": _ALWAYS},
}
"""What a department's task needs beyond `_TASK`, by concern (none named: always). These have no masked form: the need is
the limit. A school gets neither family money nor crime whatever the concern."""
_PAYEE_ONLY = frozenset({"finance"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the file and its class: P1 secret, P2 sensitive."""

    name: str
    grade: Literal["P1", "P2"]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the decision needs to know of a child's case. `entered_at`: when `entered_by` entered a report of it last."""

    township: str
    village: str | None
    group: str | None
    level: str | None
    restricted: bool
    conflict_unit: str | None
    concerns: frozenset[str]
    age: int | None
    departments: Mapping[str, str] = field(default_factory=dict)
    masked: frozenset[str] = frozenset()
    entered_by: str | None = None
    entered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A named person's permission for secret fields, given by a civil-affairs supervisor, until a moment."""

    account: str
    fields: frozenset[str]
    expires_at: datetime
    grant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Full:
    """The value itself. `by` names what opened it; break-glass is reviewed by a supervisor."""

    by: Literal["role", "grant", "leader", "break_glass"] = "role"


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked form: by field, or initials only."""

    initials: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """Nothing; `reason` is a stable code."""

    reason: str


Sight = Full | Masked | Hidden


def field_of(name: str, *, restricted: bool, policy: Policy) -> Field:
    """A field with its class by the policy. Narrative and notes of a restricted case are secret, others sensitive."""
    if name in (NARRATIVE, NOTE):
        return Field(name, "P1" if restricted else "P2")
    secret = next(entry for entry in policy.data_protection["classes"] if entry["code"] == "P1")
    return Field(name, "P1" if _POLICY_NAME[name] in secret["fields"] else "P2")


def see(
    subject: Subject,
    case: CaseFacts,
    wanted: Field,
    now: datetime,
    grants: Sequence[Grant],
    *,
    reason: str | None = None,
    on_duty: bool = False,
) -> Sight:
    """How much of a field this subject sees now. `reason` (a code or note) may open a RED file: for the leader on duty
    as a right of the post, for any other responder who stands on the roster now (`on_duty`) as break-glass."""
    if (barred := _barred(subject, case)) is not None:
        return barred
    sight = _by_role(subject, case, wanted, now, grants, reason)
    if isinstance(sight, Full) or wanted.name in REPORTER_FIELDS:
        return sight
    if not _may_break_glass(subject, case, reason):
        return sight
    return Full("break_glass") if on_duty else Hidden(NOT_ON_DUTY)


def of_own_entry(subject: Subject, wanted: Field, sight: Sight, *, own: bool) -> Sight:
    """An operator sees in full what they entered themselves, not what others entered into the same file."""
    if not subject.hotline or own or sight != Full():
        return sight
    return Masked() if wanted.grade == "P2" and wanted.name in _MASKABLE else Hidden("operator_sight_over")


def _barred(subject: Subject, case: CaseFacts) -> Hidden | None:
    if subject.township != case.township:
        return Hidden("other_township")
    if case.conflict_unit is not None and subject.department == case.conflict_unit:
        return Hidden("conflict_of_interest")
    if subject.department == VILLAGE:
        if case.restricted:
            return Hidden("restricted_case")
        if case.village not in subject.villages:
            return Hidden("other_village")
    return None


def _may_break_glass(subject: Subject, case: CaseFacts, reason: str | None) -> bool:
    """Any responder may open a RED file with a reason, if on duty (policy `break_glass`)."""
    responder = subject.kind == "person" and (subject.hotline or subject.department is not None)
    return responder and case.level == RED and reason is not None


def _by_role(
    subject: Subject, case: CaseFacts, wanted: Field, now: datetime, grants: Sequence[Grant], reason: str | None
) -> Sight:
    if subject.hotline:
        return _hotline(subject, case, wanted, now)
    if wanted.name in REPORTER_FIELDS:
        return _reporter(subject, case, wanted, now, grants)
    match subject.department:
        case "village_committee":
            return _village(subject, case, wanted)
        case "civil_affairs":
            if wanted.grade == "P2":
                return Full()
            return Full("grant") if _granted(subject, wanted, now, grants) else Hidden("needs_grant")
        case "police" if case.departments.get(POLICE) in TASKED:
            return Full()
        case "township_government":
            if case.level == RED and reason is not None and subject.posts & LEADERS:
                return Full("leader")
            return Masked() if wanted.grade == "P2" and wanted.name in _MASKABLE else Hidden("masked_only")
        case str(department):
            return _department(department, case, wanted)
        case None:
            return Hidden("logs_only" if "auditor" in subject.posts else "not_your_role")


def _hotline(subject: Subject, case: CaseFacts, wanted: Field, now: datetime) -> Sight:
    own = case.entered_by == subject.account and case.entered_at is not None
    if own and case.entered_at is not None and now - case.entered_at <= OPERATOR_SIGHT:
        return Full()
    if case.restricted and not own:
        return Hidden("restricted_case")
    return Masked() if wanted.grade == "P2" and wanted.name in _MASKABLE else Hidden("operator_sight_over")


def _reporter(subject: Subject, case: CaseFacts, wanted: Field, now: datetime, grants: Sequence[Grant]) -> Sight:
    """Nobody in the departments, but the police on request and approval (policy `reporter.shown_to`)."""
    if subject.department != POLICE or case.departments.get(POLICE) not in TASKED:
        return Hidden("reporter_confidential")
    return Full("grant") if _granted(subject, wanted, now, grants) else Hidden("needs_grant")


def _village(subject: Subject, case: CaseFacts, wanted: Field) -> Sight:
    if subject.grid_only:
        if case.group not in subject.groups:
            return Hidden("other_grid")
        return Full() if wanted.name in _TO_FIND_THE_CHILD else Hidden("not_needed_for_task")
    if wanted.name in _VILLAGE_FULL:
        return Full()
    return Masked() if wanted.name in _VILLAGE_MASKED else Hidden("not_needed_for_task")


def _department(department: str, case: CaseFacts, wanted: Field) -> Sight:
    role = case.departments.get(department)
    if role is None:
        return Hidden("no_role_in_case")
    if role not in TASKED:
        return Masked(initials=True) if wanted.name == "name" else Hidden("informed_only")
    if department in _PAYEE_ONLY:
        return Full() if wanted.name == "payee" else Hidden("not_needed_for_task")
    if department == EMPLOYMENT and (case.age is None or case.age < WORKING_AGE):
        return Hidden("under_working_age")
    if wanted.name in _TASK:
        return Masked()
    concerns = _NEEDED.get(department, {}).get(wanted.name)
    needed = concerns is not None and (not concerns or not concerns.isdisjoint(case.concerns))
    return Full() if needed and department not in case.masked else Hidden("not_needed_for_task")


def _granted(subject: Subject, wanted: Field, now: datetime, grants: Sequence[Grant]) -> bool:
    return any(
        grant.account == subject.account and wanted.name in grant.fields and now < grant.expires_at for grant in grants
    )


# Masked forms (policy `masking`) --------------------------------------------------------------------------------------

_NAMES = frozenset({"name", "guardian_name", "payee"})
_NUMBERS = frozenset({"id_number", "guardian_id_number", "phone", "guardian_phone"})
_MASKABLE = _NAMES | _NUMBERS | {"sex", "birth_date", "address"}
_FIRST, _LAST = 3, 4
_COMPOUND = frozenset({"欧阳", "司马", "上官", "诸葛", "司徒", "东方", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐"})


def mask(name: str, value: str, area: str | None, *, initials: bool = False) -> str | None:
    """The masked form of a value; None when it has none. `area` (group or village code) stands for an address."""
    if name in _NAMES:
        return _surname(value) + ("某" if initials else "*")
    if name in _NUMBERS:
        hidden = len(value) - _FIRST - _LAST
        return value[:_FIRST] + "*" * hidden + value[-_LAST:] if hidden > 0 else "*" * len(value)
    if name == "birth_date":
        return value[:4]
    if name == "sex":
        return value
    return area if name == "address" else None


def _surname(value: str) -> str:
    if value.isascii():
        return "".join(f"{part[0]}." for part in value.split())
    return value[:2] if value[:2] in _COMPOUND and len(value) > len("欧阳") else value[:1]
