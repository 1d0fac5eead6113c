"""Advice on benefits for a reader: the answer, why, and the checklist of papers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy
from services.assistance.views.coded import Coded, coded


class Paper(BaseModel):
    """One paper of the checklist, and whether it is at hand."""

    code: str
    zh: str
    en: str
    at_hand: bool


class AdviceView(BaseModel):
    """Advice on one benefit. The owning department decides. `from_date`: the day the answer changes; `blocks`: what is
    forbidden until then, `offer`: what to offer in its place."""

    child_id: UUID
    rule: Coded
    result: Literal["likely", "priority", "not_yet", "unlikely", "unknown"]
    because: list[str]
    missing_facts: list[str]
    from_date: date | None
    documents: list[Paper]
    department: Coded | None
    blocks: str | None
    offer: list[str]
    measures: list[Coded]
    advised_at: datetime
    policy_version: str


def sees_all(subject: Subject, case_lead: str | None) -> bool:
    """Who coordinates, leads or lives with the child reads every rule; others the rules of the benefits they own, so that a
    school reads nothing of a family's money."""
    return subject.department in {COORDINATOR, GOVERNMENT, VILLAGE, case_lead}


def own_rules(subject: Subject, policy: Policy) -> frozenset[str]:
    """The rules whose benefits the subject's department owns."""
    rules = policy.assistance.eligibility
    return frozenset(rule.id for rule in rules if policy.assistance.owner_of(rule.id) == subject.department)


def advice(row: Mapping[str, Any], policy: Policy) -> AdviceView:
    """One stored piece of advice."""
    detail, rules = row["detail"], policy.assistance
    rule = rules.rules[row["rule"]]
    return AdviceView(
        child_id=row["child_id"],
        rule=Coded(code=rule.id, zh=rule.label.zh, en=rule.label.en),
        result=row["result"],
        because=detail["because"],
        missing_facts=detail["missing_facts"],
        from_date=row["from_date"],
        documents=_papers(detail["documents"], detail["missing_documents"], policy),
        department=coded(policy, "department", detail["department"]) if detail["department"] else None,
        blocks=detail["blocks"],
        offer=detail["offer"],
        measures=[
            Coded(code=entry.code, zh=entry.label.zh, en=entry.label.en)
            for entry in rules.catalogue
            if rule.id in entry.eligibility
        ],
        advised_at=row["advised_at"],
        policy_version=row["policy_version"],
    )


def _papers(codes: Sequence[str], missing: Sequence[str], policy: Policy) -> list[Paper]:
    labels = policy.assistance.document_labels
    return [Paper(code=c, zh=labels[c].zh, en=labels[c].en, at_hand=c not in missing) for c in codes]
