"""The section `contacts`: calls and visits that open no case, call-backs, hand-overs to other lines and areas, and how
soon somebody with a duty must report (D-4.1.5, D-4.1.9, D-5.1.1).
"""

from typing import Literal

from contracts.policy.limits import Basis, Label, Limit, Section

Medium = Literal["call", "text", "mailbox"]


class Channel(Section):
    """A way in. `medium`: which limit of S1 measures how soon it is answered; none for ways in that nobody waits on."""

    code: str
    label: Label
    medium: Medium | None = None
    basis: Basis = ()


class ContactKind(Section):
    """A kind of contact. `about_case`: it may name a case. `callback`: the hotline must call back."""

    code: str
    label: Label
    about_case: bool = False
    callback: bool = False
    effect: str | None = None


class CallbackOutcome(Section):
    """How a call-back ends. `with_report`: only together with the report it led to; `reached`: only after somebody spoke;
    `by_itself`: by what happens elsewhere, never chosen.
    """

    code: str
    label: Label
    with_report: bool = False
    reached: bool = False
    by_itself: bool = False


class Callbacks(Section):
    """`limit` runs from the contact, `again_after` from each attempt that reached nobody; overdue, it is said again every
    `repeat_every`."""

    limit: Limit
    again_after: Limit
    repeat_every: Limit
    attempts_until_unreachable: int
    outcomes: tuple[CallbackOutcome, ...]


class Named(Section):
    code: str
    label: Label


class Receiver(Section):
    """Another line or area. `acknowledged_within`: the receiver owes its receipt by then."""

    code: str
    label: Label
    acknowledged_within: Limit


class Transfers(Section):
    receivers: tuple[Receiver, ...]
    repeat_every: Limit
    refusal_reasons: tuple[Named, ...]
    finished_only_when: str


class Contacts(Section):
    """`abandoned_after`: a caller who hangs up sooner dialled wrong (K2). `reported_late_after`: from knowing to reporting."""

    default: bool
    kinds: tuple[ContactKind, ...]
    callback: Callbacks
    abandoned_after: Limit
    transfer: Transfers
    reported_late_after: Limit
    basis: Basis

    def kind(self, code: str) -> ContactKind | None:
        """The kind of that code."""
        return next((kind for kind in self.kinds if kind.code == code), None)

    def receiver(self, code: str) -> Receiver | None:
        """The receiver of that code."""
        return next((receiver for receiver in self.transfer.receivers if receiver.code == code), None)

    def outcome(self, code: str) -> CallbackOutcome | None:
        """The outcome of that code."""
        return next((outcome for outcome in self.callback.outcomes if outcome.code == code), None)
