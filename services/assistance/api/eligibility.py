"""Eligibility advice over HTTP: coded facts in, advice and checklist out, kept per child (policy `assistance.eligibility`)."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.problem import FieldError, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.assistance import EligibilityAdvised
from contracts.policy import Policy, load_calendar
from services.assistance.api.steps import Body, changeable, readable
from services.assistance.domain.eligibility import NONE, Advice, Facts, Parent, advise
from services.assistance.domain.rounds import Case, Round, policy_of
from services.assistance.store.eligibility import AdviceRow, add_advice, latest_advice
from services.assistance.views import eligibility as views
from services.assistance.views.eligibility import AdviceView

router = APIRouter(prefix="/api/v1/eligibility", tags=["eligibility"])

OLDEST = date(1990, 1, 1)
Answers = list[AdviceView]


class ParentState(Body):
    """A parent's state: a code of the policy, `dead`, `declared_missing` or `none`; `since` when it began."""

    state: str | None = Field(default=None, max_length=40)
    since: date | None = None
    grade: int | None = Field(default=None, ge=1, le=4)
    mental: bool = False


class StatedFacts(Body):
    """What is known; what is left out is unknown, not no. The birth date is used and not kept."""

    birth_date: date | None = None
    age: int | None = Field(default=None, ge=0, le=17)
    income_below_line: bool | None = None
    assets_within_limits: bool | None = None
    orphan: bool | None = None
    father: ParentState = ParentState()
    mother: ParentState = ParentState()
    no_income: bool | None = None
    no_able_supporter: bool | None = None
    sudden_hardship: bool | None = None
    grade: int | None = Field(default=None, ge=0, le=12)
    dibao: bool | None = None
    impoverished_by_illness: bool | None = None
    impoverished_by_incident: bool | None = None
    senior_high: bool | None = None
    on_ledger: bool | None = None
    family_member_age: int | None = Field(default=None, ge=0, le=120)
    hukou: Literal["local", "elsewhere", "none", "unknown"] | None = None
    compulsory_stage: bool | None = None
    correction_document: bool | None = None
    disability_certificate: bool | None = None
    assessment_pending: bool | None = None


class AskAdvice(Body):
    """Facts about one child of a case. `requested_on` is the day the age counts (today if left out)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "case_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "child_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4e",
                    "rules": ["E-3"],
                    "facts": {
                        "birth_date": "2015-05-02",
                        "father": {"state": "serving_sentence", "since": "2026-01-10"},
                        "mother": {"state": "missing", "since": "2026-06-01"},
                    },
                    "documents": ["household_register"],
                }
            ]
        }
    )

    case_id: UUID
    child_id: UUID
    facts: StatedFacts
    documents: list[Annotated[str, Field(max_length=40)]] = Field(default=[], max_length=40)
    rules: list[Annotated[str, Field(max_length=8)]] = Field(default=[], max_length=20)
    requested_on: date | None = None


class AdvicePage(Body):
    """Advice, rule by rule."""

    items: Answers


@router.get("")
async def read_advice(case_id: UUID, subject: Annotated[Subject, guard("eligibility.read")], db: Reading) -> AdvicePage:
    """The newest advice of each rule for each child of a case, as far as the reader's department may know it."""
    case, _, _ = await readable(db, case_id, subject, "eligibility.read")
    policy = policy_of(case.current)
    mine = views.own_rules(subject, policy)
    rows = await latest_advice(db, case_id)
    every = views.sees_all(subject, case.current.case_lead)
    return AdvicePage(items=[views.advice(row, policy) for row in rows if every or row["rule"] in mine])


@router.post("", status_code=201, response_model=AdvicePage)
async def ask_advice(
    body: AskAdvice, subject: Annotated[Subject, guard("eligibility.read")], command: CommandOf
) -> Response:
    """Advice on what the child or family may be entitled to, with the checklist of papers. Kept and announced in codes; the
    department that owns the benefit decides."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        case, _ = await changeable(tx, body.case_id, subject, "eligibility.read", None)
        policy = policy_of(case.current)
        on = body.requested_on or tx.now.astimezone(load_calendar().zone).date()
        rules = _rules(body, subject, case.current, policy)
        _check(body, case, on, policy)
        stated = body.facts.model_dump()
        facts = Facts(**{**stated, **{name: Parent(**stated[name]) for name in ("father", "mother")}})
        found = advise(facts, on, policy, rules=rules, papers=body.documents)
        rows = [_row(one, body, subject, tx, policy) for one in found]
        await add_advice(tx.db, rows)
        for one in found:
            tx.publish(str(body.case_id), _advised(one, body, tx, policy))
        detail = {"child": str(body.child_id), "rules": ",".join(one.rule for one in found)}
        tx.audit(str(body.case_id), "eligibility.advised", subject.actor().model_dump(), detail)
        shown = AdvicePage(items=[views.advice(row.model_dump(), policy) for row in rows])
        return Reply(201, shown, location=f"/api/v1/eligibility?case_id={body.case_id}")

    return await command.run(act, body)


def _rules(body: AskAdvice, subject: Subject, round_: Round, policy: Policy) -> frozenset[str]:
    unknown = [rule for rule in body.rules if rule not in policy.assistance.rules]
    if unknown:
        raise invalid(FieldError("#/rules", "unknown_rule", "没有这条规则", "no such rule"))
    wanted = frozenset(body.rules or policy.assistance.rules)
    if views.sees_all(subject, round_.case_lead):
        return wanted
    mine = views.own_rules(subject, policy)
    if not mine or (body.rules and not wanted <= mine):
        raise forbidden("own_benefits_only")
    return wanted & mine


def _check(body: AskAdvice, case: Case, on: date, policy: Policy) -> None:
    wrong = []
    if body.child_id not in {child.child_id for child in case.current.children}:
        wrong.append(FieldError("#/child_id", "unknown_child", "本案没有这名未成年人", "no such child in this case"))
    born = body.facts.birth_date
    if born is not None and not OLDEST <= born <= on:
        wrong.append(FieldError("#/facts/birth_date", "not_a_possible_date", "出生日期不合理", "not a possible date"))
    states = {state.code for state in policy.assistance.rules["E-3"].parent_states}
    known = states | {NONE, *policy.assistance.rules["E-3"].terminal_states}
    for name in ("father", "mother"):
        parent = getattr(body.facts, name)
        if parent.state is not None and parent.state not in known:
            wrong.append(FieldError(f"#/facts/{name}/state", "unknown_code", "没有此代码", "no such code"))
        if parent.since is not None and parent.since > on:
            wrong.append(FieldError(f"#/facts/{name}/since", "in_the_future", "不能晚于申请日", "after the request"))
    wrong += [
        FieldError("#/documents", "unknown_document", f"没有此材料：{code}", f"no such paper: {code}")
        for code in body.documents
        if code not in policy.assistance.document_labels
    ]
    if wrong:
        raise invalid(*wrong)


def _row(one: Advice, body: AskAdvice, subject: Subject, tx: Transaction, policy: Policy) -> AdviceRow:
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(one).items()}
    return AdviceRow(
        advice_id=tx.new_id("advice", one.rule),
        case_id=body.case_id,
        child_id=body.child_id,
        rule=one.rule,
        result=one.result,
        from_date=one.from_date,
        detail={name: value for name, value in said.items() if name not in {"rule", "result", "from_date"}},
        policy_version=policy.policy_version,
        advised_by=subject.actor().model_dump(),
        advised_at=tx.now,
    )


def _advised(one: Advice, body: AskAdvice, tx: Transaction, policy: Policy) -> EligibilityAdvised:
    return EligibilityAdvised(
        case_id=body.case_id,
        child_id=body.child_id,
        rule=one.rule,
        result=one.result,
        missing_documents=one.missing_documents,
        at=tx.now,
        policy_version=policy.policy_version,
    )
