"""Checking a report at the door: its codes, its place, its reporter, and what it says of each child."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chassis.problem import FieldError, Problem, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.directory import TownshipPublished
from contracts.policy import Policy, policy_in_force
from contracts.policy import Problem as Fault
from contracts.vocabulary import CLOCK_LEEWAY, Place, Reporter
from services.intake.bodies import ReportBody, StatementBody
from services.intake.domain.children import OUTSIDE, Prepared, Said, prepare
from services.intake.domain.matching import PROVING
from services.intake.domain.numbers import ZONE
from services.intake.domain.places import Areas, areas_of, locate
from services.intake.recognising import particulars_of, tokens
from services.intake.store import cases, reports
from services.intake.store.reports import Serials
from services.intake.vault import Vault

CONTACTS = frozenset({"not_a_minor", "pure_consultation"})
"""What opens no case (policy `screening_out`)."""


@dataclass(slots=True)
class Office:
    """What every report needs and no report changes: the vault, and each township's areas as last read."""

    vault: Vault
    areas: dict[str, Areas] = field(default_factory=dict)

    async def areas_for(self, tx: Transaction, township: str, version: int | None) -> Areas:
        """The areas of that version. Raises Problem 503 until the directory has announced the township."""
        known = self.areas.get(township)
        if version is None:
            title = "尚未收到本镇的区划资料", "The township's areas have not arrived yet"
            raise Problem(503, "township_unknown", *title, headers={"Retry-After": "2"})
        if known is None or known.version < version:
            snapshot = await cases.township(tx.db, township)
            known = self.areas[township] = areas_of(TownshipPublished.model_validate(snapshot))
        return known


@dataclass(frozen=True, slots=True)
class Draft:
    """A checked report, not yet placed: its children's statements with what the rules will see of them."""

    body: ReportBody
    subject: Subject
    report_id: UUID
    received_at: datetime
    reporter: Reporter
    place: Place
    policy: Policy
    serials: Serials
    children: tuple[tuple[StatementBody, Prepared], ...]
    screened: str | None
    on_file: UUID | None = None
    """The first child is on file already (a survey put it there), though it has no case."""

    @property
    def restricted(self) -> bool:
        """If it holds for one child it holds for the whole report (policy `several_children`)."""
        return any(prepared.restricted for _, prepared in self.children)

    @property
    def emergency(self) -> bool:
        """A RED override holds for some child."""
        return any(prepared.emergency for _, prepared in self.children)


async def draft_report(tx: Transaction, body: ReportBody, subject: Subject, office: Office) -> Draft:
    """Check everything in a report at once. Raises Problem 422 naming each wrong field, 503 before the areas are known."""
    received_at = body.received_at or tx.now
    if received_at > tx.now + CLOCK_LEEWAY:
        raise invalid(FieldError("#/received_at", "in_future", "接报时间晚于现在", "later than now"))
    try:
        policy = policy_in_force(received_at.astimezone(ZONE).date())
    except LookupError:
        raise invalid(FieldError("#/received_at", "too_early", "早于政策施行日", "before any policy")) from None
    reporter, errors = _reporter(body, policy)
    errors += _duty(body, received_at, policy)
    outside = bool(body.place.outside)
    children: list[tuple[StatementBody, Prepared]] = []
    for at, statement in (("#", body), *((f"#/siblings/{i}", s) for i, s in enumerate(body.siblings))):
        said = Said(
            statement.concerns, statement.facts, statement.answers, statement.checklist, statement.child.birth_date
        )
        prepared, faults = prepare(said, reporter, received_at, outside=outside, policy=policy)
        errors += errors_at(at, faults)
        children.append((statement, prepared))
    kept = tuple(children)
    if not (body.attach_to_case or body.reopen_case):
        kept = tuple(entry for entry in children if entry[1].screened not in CONTACTS)
    drawn = 0 if body.attach_to_case or body.reopen_case or errors else len(kept)
    marks = _marks(kept, body, office.vault) if drawn else ()
    serials = await reports.draw_serials(tx.db, subject.township, drawn, marks)
    areas = await office.areas_for(tx, subject.township, serials.areas_version)
    outside = outside or any(prepared.facts.get(OUTSIDE) is True for _, prepared in kept)
    where, faults = locate(areas, body.place.village, body.place.group, outside=outside)
    errors += errors_at("#", faults)
    if errors:
        raise invalid(*errors)
    return Draft(
        body=body,
        subject=subject,
        report_id=tx.new_id("report"),
        received_at=received_at,
        reporter=reporter,
        place=where,
        policy=policy,
        serials=serials,
        children=kept,
        screened=None if kept else children[0][1].screened,
    )


def _marks(children: Iterable[tuple[StatementBody, Prepared]], body: ReportBody, vault: Vault) -> set[bytes]:
    """What two reports on the same child have in common."""
    sought = (particulars_of(statement.child, body.place.village) for statement, _ in children)
    return {token for one in sought for token, kind in tokens(one, vault).items() if kind in PROVING}


def _reporter(body: ReportBody, policy: Policy) -> tuple[Reporter, list[FieldError]]:
    said, errors = body.reporter, []
    kind = next((kind for kind in policy.reporter_kinds if kind.code == said.kind), None)
    if all(channel.code != body.channel for channel in policy.channels):
        errors.append(FieldError("#/channel", "unknown_channel", "没有这个渠道", "no such channel"))
    if kind is None:
        errors.append(FieldError("#/reporter/kind", "unknown_kind", "没有这类报告人", "no such kind of reporter"))
    elif said.mandated not in (None, kind.mandated):
        detail = "与报告人类别不符", "contradicts the kind of reporter"
        errors.append(FieldError("#/reporter/mandated", "contradicts_kind", *detail))
    if said.anonymous and said.name is not None:
        detail = "匿名报告不得记录姓名", "an anonymous reporter has no name here"
        errors.append(FieldError("#/reporter/name", "anonymous_with_name", *detail))
    if body.attach_to_case and body.reopen_case:
        detail = "不能同时关联与重开", "either attach or reopen"
        errors.append(FieldError("#/reopen_case", "attach_or_reopen", *detail))
    mandated, duty_bearing = (kind.mandated, kind.duty_bearing) if kind else (False, False)
    reporter = Reporter(kind=said.kind, mandated=mandated, anonymous=said.anonymous, duty_bearing=duty_bearing)
    return reporter, errors


def _duty(body: ReportBody, received_at: datetime, policy: Policy) -> list[FieldError]:
    """What is said of when the duty to report began, and of those who did not follow it (D-4.1.5)."""
    errors = []
    if body.known_since is not None and body.known_since > received_at:
        errors.append(FieldError("#/known_since", "after_report", "晚于接报时间", "later than the report"))
    bound = {kind.code for kind in policy.reporter_kinds if kind.mandated or kind.duty_bearing}
    for i, kind in enumerate(body.unreported_by):
        if kind not in bound:
            detail = "这类人员没有报告义务", "not a kind of person with a duty to report"
            errors.append(FieldError(f"#/unreported_by/{i}", "no_duty_to_report", *detail))
    return errors


def errors_at(at: str, faults: Iterable[Fault]) -> list[FieldError]:
    """What the rules found wrong, as errors of the body below `at`."""
    return [FieldError(f"{at}{f.pointer}", f.code, f.message.zh, f.message.en) for f in faults]
