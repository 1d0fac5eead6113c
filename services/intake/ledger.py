"""Some children on file during one transaction: what holds for them is loaded once, changed in memory, saved in bulk, and
every child whose tags changed is announced.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Transaction
from contracts.envelope import Event
from contracts.intake import TagsChanged
from contracts.policy import Policy
from contracts.vocabulary import SYSTEM, Actor
from services.intake.domain.tags import Held, Situation, Source, circumstances, settle, tag_rules
from services.intake.store import tags as store
from services.intake.store.tags import CASE, LADDER, TAG, Child, Ending, OpenCase, Span


class Ledger:
    """The children of some families, or some children, as this transaction will leave them. The caller holds the locks."""

    def __init__(
        self,
        tx: Transaction,
        cases: Iterable[OpenCase],
        children: dict[UUID, Child],
        spans: Mapping[UUID, Collection[Span]],
        families: Iterable[UUID],
    ) -> None:
        self._tx = tx
        self._families = frozenset(families)
        self.cases: dict[UUID, list[OpenCase]] = {}
        for case in cases:
            self.cases.setdefault(case.child_id, []).append(case)
        self.children = children
        self._running = {child: {(span.kind, span.code): span for span in held} for child, held in spans.items()}
        self._began: dict[UUID, Span] = {}
        self._endings: list[Ending] = []
        self._details: dict[UUID, Mapping[str, Any]] = {}
        self._touched: dict[UUID, tuple[Actor, datetime, Event | None]] = {}

    @classmethod
    async def load(
        cls, tx: Transaction, *, families: Collection[UUID] = (), children: Collection[UUID] = ()
    ) -> "Ledger":
        """All children of these families and these children, those with a case on file from now on."""
        cases = await store.cases_of(tx.db, families=families, children=children)
        cases.sort(key=lambda case: (case.state == "open", case.entered_at))
        wanted = {case.child_id for case in cases} | set(children)
        known = await store.load_children(tx.db, wanted)
        for case in cases:
            if (child := known.get(case.child_id)) is None:
                child = known[case.child_id] = Child(
                    case.child_id, case.township, case.village, case.group_code, case.family_id
                )
            child.family_id = case.family_id
        return cls(tx, cases, known, await store.running_spans(tx.db, wanted), families)

    # What holds --------------------------------------------------------------------------------------------------

    def running(self, child_id: UUID, kind: str) -> list[Span]:
        """The spans of a kind that run."""
        return [span for (of, _), span in self._running.get(child_id, {}).items() if of == kind]

    def span(self, child_id: UUID, kind: str, code: str) -> Span | None:
        """The span of a code that runs."""
        return self._running.get(child_id, {}).get((kind, code))

    def held(self, child_id: UUID) -> list[Held]:
        """The child's tags."""
        return [Held(s.code, s.state, _source(s.source), s.case_id) for s in self.running(child_id, TAG)]

    def situation(self, child: Child, policy: Policy, closed_as: Mapping[UUID, str] | None = None) -> Situation:
        """What decides the child's tags now."""
        return Situation(
            seen=circumstances(policy, child.concerns, child.facts, child.answers),
            open_cases=frozenset(c.case_id for c in self.cases.get(child.child_id, ()) if c.state == "open"),
            ladder_open=bool(self.running(child.child_id, LADDER)),
            was_derived=frozenset(child.derived),
            closed_as=closed_as,
        )

    # What changes ------------------------------------------------------------------------------------------------

    def begin(
        self,
        child: Child,
        kind: str,
        code: str,
        at: datetime,
        by: Actor,
        cause: Event | None = None,
        *,
        state: str | None = None,
        source: Source = "rule",
        case_id: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
        reason: str | None = None,
    ) -> None:
        """Something holds from now on; a running span of the same code with another state ends."""
        before = self.span(child.child_id, kind, code)
        if before is not None:
            if before.state == state:
                return
            self.end(before, at, by, "changed", cause)
        span = Span(
            span_id=self._tx.new_id("span", child.child_id, kind, code, state, cause=cause),
            child_id=child.child_id,
            township=child.township,
            kind=kind,
            code=code,
            from_at=min(at, self._tx.now),
            set_by=by.model_dump(exclude_none=True),
            source=source,
            state=state,
            case_id=case_id,
            detail=detail,
            reason=reason,
        )
        self._began[span.span_id] = span
        self._running.setdefault(child.child_id, {})[kind, code] = span
        self._touch(kind, child.child_id, by, at, cause)

    def end(self, span: Span, at: datetime, by: Actor, reason: str, cause: Event | None = None) -> None:
        """Something no longer holds."""
        if self._running.get(span.child_id, {}).pop((span.kind, span.code), None) is None:
            return
        at = min(at, self._tx.now)  # another's clock may be ahead: nothing ends in the future
        self._endings.append(Ending(span.span_id, at, by.model_dump(exclude_none=True), reason))
        self._touch(span.kind, span.child_id, by, at, cause)

    def note(self, span: Span, detail: Mapping[str, Any]) -> None:
        """A running span counts on."""
        self._details[span.span_id] = detail

    def settle(
        self,
        child: Child,
        policy: Policy,
        at: datetime,
        cause: Event | None = None,
        *,
        closed_as: Mapping[UUID, str] | None = None,
        source: Source = "rule",
        case_id: UUID | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """Set and end the tags as the policy's rules say."""
        rules = tag_rules(policy.policy_version)
        settled = settle(rules, self.held(child.child_id), self.situation(child, policy, closed_as))
        for tag, reason in settled.ended.items():
            if (span := self.span(child.child_id, TAG, tag)) is not None:
                self.end(span, at, SYSTEM, reason, cause)
        for tag, state in settled.added.items():
            self.begin(child, TAG, tag, at, by, cause, state=state, source=source, case_id=case_id)
        child.derived = settled.derived

    def _touch(self, kind: str, child_id: UUID, by: Actor, at: datetime, cause: Event | None) -> None:
        if kind == TAG:
            self._touched[child_id] = (by, at, cause)

    # Leaving -----------------------------------------------------------------------------------------------------

    def key(self, child: Child) -> str:
        """The stream a child's announcements go to: its family's, before any case its own."""
        case = self._case(child.child_id)
        return str(case.family_id if case else child.child_id)

    async def save(self) -> None:
        """Write everything back and announce whose tags changed."""
        db, now = self._tx.db, self._tx.now
        await store.save_children(db, list(self.children.values()), now)
        await store.note_detail(db, list(self._details.items()))
        # Ends first: a code may run only once.
        ended_at_once = [ending for ending in self._endings if ending.span_id in self._began]
        await store.end_spans(db, [ending for ending in self._endings if ending.span_id not in self._began])
        dropped = {ending.span_id for ending in ended_at_once}
        await store.add_spans(db, [span for span in self._began.values() if span.span_id not in dropped])
        for child_id, (by, at, cause) in self._touched.items():
            child = self.children[child_id]
            changed = TagsChanged(
                child_id=child_id,
                case_id=self.case_of(child_id),
                township=child.township,
                village=child.village,
                tags=tuple(sorted(span.code for span in self.running(child_id, TAG))),
                by=by,
                at=at,
            )
            self._tx.publish(self.key(child), changed, cause=cause)

    def case_of(self, child_id: UUID) -> UUID | None:
        """The child's case: of the family at hand, the open one, else the latest."""
        case = self._case(child_id)
        return case.case_id if case else None

    def _case(self, child_id: UUID) -> OpenCase | None:
        cases = self.cases.get(child_id, ())
        at_hand = [case for case in cases if case.family_id in self._families]
        return next(reversed(at_hand or list(cases)), None)

    def case_span(self, case: OpenCase) -> Span | None:
        """The running span of a case."""
        return self.span(case.child_id, CASE, str(case.case_id))


def _source(text: str) -> Source:
    return "person" if text == "person" else "survey" if text == "survey" else "rule"
