"""Closing a case and what comes after: the guard's items, the persons, reasons, notices, the review of what was RED, and
the windows in which a case reopens (policy `closure`, `reopen`)."""

from pydantic import Field

from contracts.policy.limits import Basis, Label, Limit, Section


class ClosureItem(Section):
    """One condition for closing; which number it carries depends on its code."""

    code: str
    rule: str
    days: int | dict[str, int] | None = None
    count: int | None = None
    score_below: int | None = None
    basis: Basis = ()

    def number(self, name: str) -> int:
        """A number of this rule. Raises KeyError where the policy states none."""
        stated = {"days": self.days, "count": self.count, "score_below": self.score_below}
        return {key: value for key, value in stated.items() if isinstance(value, int)}[name]

    @property
    def days_by_level(self) -> dict[str, int]:
        """Days per level; empty where the rule does not depend on it."""
        return self.days if isinstance(self.days, dict) else {}


class ClosurePersons(Section):
    propose: str
    decide: str
    if_ever_red: tuple[str, ...]
    if_police_led: tuple[str, ...]


class RestrictedProposer(Section):
    department: str
    second_person: str
    default: bool = False


class ClosureReason(Section):
    code: str
    label: Label
    needs: str | None = None
    skips: tuple[str, ...] = ()


class ClosureEffect(Section):
    """`notices_to`: who is told that the case is closed."""

    ledger: str
    notices_to: tuple[str, ...]


class ReviewCode(Section):
    code: str
    label: Label


class AfterCaseReview(Section):
    """What the township learns from a case that was ever at one of these levels."""

    ever: tuple[str, ...]
    limit: Limit
    lessons: tuple[ReviewCode, ...]
    default: bool = False


class Closure(Section):
    """The whole section."""

    all_of: tuple[ClosureItem, ...]
    persons: ClosurePersons
    proposer_if_restricted: RestrictedProposer
    reasons: tuple[ClosureReason, ...]
    effect: ClosureEffect
    not_told_reasons: tuple[ReviewCode, ...]
    not_told_reasons_default: bool = False
    after_case_review: AfterCaseReview

    def item(self, code: str) -> ClosureItem:
        """A condition by its code. Raises StopIteration for a code the policy does not have."""
        return next(item for item in self.all_of if item.code == code)

    def labels(self) -> dict[tuple[str, str], Label]:
        """Labels by (kind, code), for `Policy.labels`."""
        found = {("closure_reason", reason.code): reason.label for reason in self.reasons}
        found |= {("lesson", lesson.code): lesson.label for lesson in self.after_case_review.lessons}
        return found | {("not_told", reason.code): reason.label for reason in self.not_told_reasons}


class ReopenWindow(Section):
    """What a new report does so many days after the closure."""

    days_min: int = 0
    days_max: int | None = None
    effect: str
    level: str | None = None
    clocks: str | None = None
    counts_in: str | None = None
    link: str | None = Field(default=None)
