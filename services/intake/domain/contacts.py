"""Contacts beside cases, as pure decisions: how soon a call was answered (S1), who must be called back, how a call-back may
end, and when a hand-over is finished (D-4.1.9, D-5.1.1; policy `contacts`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.policy import Label, Policy, Problem, elapsed

ANSWERED = "answered"
LINE_A = "hotline_a"

CallbackReason = Literal["silent", "broken_off", "unanswered"]


@dataclass(frozen=True, slots=True)
class Offered:
    """One call, text or letter: when it came in, was answered and ended."""

    channel: str
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answering:
    """What S1 says of it: `due_at` None for ways in without a limit; `in_time` None while it still may be."""

    medium: Literal["call", "text", "mailbox"] | None
    due_at: datetime | None
    in_time: bool | None
    abandoned: bool


def answering(call: Offered, now: datetime, policy: Policy) -> Answering:
    """S1 and abandonment (K1, K2) of one call by the policy's limits."""
    medium = next((channel.medium for channel in policy.channels if channel.code == call.channel), None)
    if medium is None:
        return Answering(None, None, None, abandoned=False)
    due_at = call.offered_at + elapsed(policy.steps["S1"].limits_by_medium[medium])
    in_time = None if call.answered_at is None and call.ended_at is None and now <= due_at else False
    if call.answered_at is not None:
        in_time = call.answered_at <= due_at
    hung_up = medium == "call" and call.answered_at is None and call.ended_at is not None
    patience = elapsed(policy.contacts.abandoned_after)
    waited = (call.ended_at or call.offered_at) - call.offered_at
    return Answering(medium, due_at, in_time, abandoned=hung_up and waited > patience)


def owes_callback(call: Offered, found: Answering) -> CallbackReason | None:
    """Why somebody must be called back: they hung up after waiting, or their text or letter lies unanswered."""
    if found.abandoned:
        return "broken_off"
    if found.medium in ("text", "mailbox") and call.answered_at is None:
        return "unanswered"
    return None


def call_problems(call: Offered, now: datetime, leeway: timedelta) -> tuple[Problem, ...]:
    """What is wrong with the times of a call."""
    problems = []
    for name, at in (("offered_at", call.offered_at), ("answered_at", call.answered_at), ("ended_at", call.ended_at)):
        if at is not None and at > now + leeway:
            problems.append(_problem(f"/{name}", "in_future", "晚于现在", "later than now"))
        if at is not None and at < call.offered_at:
            problems.append(_problem(f"/{name}", "before_offered", "早于来电时刻", "before the call was offered"))
    if call.answered_at is not None and call.ended_at is not None and call.ended_at < call.answered_at:
        problems.append(_problem("/ended_at", "before_answered", "早于接听时刻", "before the call was answered"))
    return tuple(problems)


# Call-backs -----------------------------------------------------------------------------------------------------------


def settling_problem(
    outcome: str, reached: Sequence[bool], *, has_number: bool, has_report: bool, policy: Policy
) -> Problem | None:
    """Why a call-back may not end so. `reached`: of each attempt, whether somebody spoke."""
    rule = policy.contacts.outcome(outcome)
    at = "/outcome"
    if rule is None or rule.by_itself:
        return _problem(at, "unknown_outcome", "没有这种结果", "no such outcome")
    if rule.with_report != has_report:
        return _problem(
            "/report_id", "report_with_outcome", "此结果须且仅此结果须附报告", "goes with report_made alone"
        )
    if rule.reached and not any(reached):
        return _problem(at, "nobody_reached", "尚无接通记录", "no attempt reached anybody yet")
    if outcome == "no_number" and has_number:
        return _problem(at, "number_known", "有号码可回拨", "there is a number to call")
    needed = policy.contacts.callback.attempts_until_unreachable
    if outcome == "unreachable" and len(reached) < needed:
        return _problem(at, "too_few_attempts", f"至少尝试{needed}次", f"needs {needed} attempts")
    return None


# Hand-overs -----------------------------------------------------------------------------------------------------------

TransferAct = Literal["acknowledge", "refuse", "resend", "withdraw"]
_POSSIBLE: dict[str, tuple[TransferAct, ...]] = {
    "sent": ("acknowledge", "refuse", "withdraw"),
    "refused": ("resend", "withdraw"),
}


def direction(receiver: str) -> Literal["out", "in"]:
    """This installation is line A: what goes there comes in, everything else goes out."""
    return "in" if receiver == LINE_A else "out"


def possible(state: str, *, has_case: bool) -> tuple[TransferAct, ...]:
    """What can be done with a hand-over now. Without a case behind it the sender cannot just keep it: a report takes it."""
    acts = _POSSIBLE.get(state, ())
    return acts if has_case else tuple(act for act in acts if act != "withdraw")


def receipt_problem(*, incoming: bool, own: bool, receiver_side: bool, receipt: str | None) -> Problem | None:
    """Why somebody may not sign for a hand-over: nobody signs for their own, and the sender's side needs the receiver's
    receipt number for what it writes down in the receiver's name."""
    if incoming:
        return (
            _problem("/", "own_transfer", "不能签收自己的移交", "nobody signs for their own hand-over") if own else None
        )
    if not receiver_side and receipt is None:
        return _problem(
            "/receipt", "receipt_missing", "代记签收须填回执编号", "needs the number of the receiver's receipt"
        )
    return None


def late(due_at: datetime, at: datetime) -> int:
    """Whole seconds past a due time, 0 when in time."""
    return max(0, int((at - due_at).total_seconds()))


def _problem(pointer: str, code: str, zh: str, en: str) -> Problem:
    return Problem(pointer, code, Label(zh=zh, en=en))
