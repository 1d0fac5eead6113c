"""One response as a value: its referrals, its running clocks, what was finished, and the facts its rules follow.

Every change is a new value; the store writes the difference between two of them. Clocks carry the referral of the
department that owes them, so that a queue can show the nearest one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from contracts.dispatch import Notice
from contracts.policy import Label, Policy, WorkingCalendar
from contracts.vocabulary import Actor, Fact, Place, Reporter
from services.dispatch.domain.clocks import GUARDIAN_NOTICE, RETURN_DECISION, Deadline, Response, arm_step, owner_of
from services.dispatch.domain.routing import ASSIST, LEAD, Addition, ChildCase, Routing, safety_only
from services.dispatch.domain.routing import Referral as Routed

DEFERRED_NOTICE, SAFETY_CONFIRMED = "deferred_notice", "safety_confirmed"
"""N-9 after it was withheld: due once the child is safe (policy `notices` N-9, `withheld.then`; L-PIPL 18), and counted
from there."""
OPEN_STATES = ("issued", "acknowledged", "returning")

ReferralState = Literal["issued", "acknowledged", "returning", "completed", "ended"]
GuardianStatus = Literal["due", "withheld", "no_guardian_known", "deferred", "given"]


def identity(cause: UUID, *names: object) -> UUID:
    """The id of an effect of `cause`, named within it: the same cause and names give the same id."""
    return uuid5(cause, "/".join(str(name) for name in names))


@dataclass(frozen=True, slots=True)
class Child:
    """One child as scored last: coded concerns, facts and answers, its own level and the rules that fired."""

    child_id: UUID
    concerns: tuple[str, ...]
    facts: dict[str, Fact]
    answers: dict[str, str]
    level: str
    fired: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Referral:
    """One department's part. `ack_due` is the S4 limit, kept after signing: a return is possible only within it.

    `returns` counts how often this task was handed back, whoever held it (policy `buck_passing_flag`). `amended_at` and
    `amended` say that the report was amended, and in which aspects, until the department has seen it.
    """

    referral_id: UUID
    department: str
    organisation: str
    role: str
    state: ReferralState
    children: tuple[UUID, ...]
    because: tuple[str, ...]
    concerns: tuple[str, ...]
    issued_at: datetime
    masked: bool = False
    tasks: tuple[Label, ...] = ()
    notice_post: str | None = None
    ack_due: datetime | None = None
    acknowledged_at: datetime | None = None
    completed_at: datetime | None = None
    outcome: str | None = None
    ended_reason: str | None = None
    acted_at: datetime | None = None
    returns: int = 0
    buck_passing: bool = False
    return_reason: str | None = None
    proposed_department: str | None = None
    return_note_id: UUID | None = None
    amended_at: datetime | None = None
    amended: tuple[str, ...] = ()
    urged_at: datetime | None = None
    version: int = 1
    updated_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something with it."""
        return self.state in OPEN_STATES

    @property
    def has_task(self) -> bool:
        """Lead and assist act; inform reads."""
        return self.role in (LEAD, ASSIST)

    @property
    def safety_only(self) -> bool:
        """Whether its department may learn no more than the words of the task."""
        return safety_only(self.because)


@dataclass(frozen=True, slots=True)
class Clock:
    """A running deadline. `referral_id` is the owing department's referral, `about` the report or the returned referral
    that it concerns, where there may be several."""

    id: UUID
    deadline: Deadline
    organisation: str | None = None
    referral_id: UUID | None = None
    about: UUID | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A clock that no longer runs. Late stays late for ever; cancelled is never late (KPI rule `late`)."""

    clock: Clock
    state: Literal["met", "cancelled"]
    at: datetime
    reason: str | None = None

    @property
    def late_seconds(self) -> int:
        """Seconds past the deadline; 0 in time."""
        return max(0, int((self.at - self.clock.deadline.due).total_seconds())) if self.state == "met" else 0


@dataclass(frozen=True, slots=True)
class Pause:
    """The clocks of a response stand still: proposed by one person, decided by another (policy `sla.pause`).

    It runs from `decided_at` to `until` at the latest; `ended_at` and `ended_by` (a cause) say when and why it ended.
    """

    pause_id: UUID
    state: Literal["proposed", "declined", "running", "ended"]
    reason: str
    proposed_by: Actor
    proposed_at: datetime
    note_id: UUID | None = None
    decided_by: Actor | None = None
    decided_at: datetime | None = None
    until: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """Everything the rules need of one response (one round of one case, all children of the family together).

    `moves` are upheld returns and reroutes: department → who took its task over. `additions` are parts that no cell gives,
    `revoked` those taken back with the reasons they rested on. `units` names the organisation of each department.
    `safe_until` is the hand-over time as amended; it stands above what the children's facts say.
    `finished` holds what was loaded or finished since; a file loaded for an act starts without it.
    """

    response_id: UUID
    case_id: UUID
    case_number: str
    response_no: int
    report_id: UUID
    township: str
    place: Place
    level: str
    restricted: bool
    transfer_out: bool
    provisional: bool
    case_lead: str | None
    coordinator: str | None
    blocked: frozenset[str]
    external_notices: tuple[str, ...]
    children: tuple[Child, ...]
    reporters: tuple[Reporter, ...]
    units: dict[str, str]
    received_at: datetime
    dispatched_at: datetime
    policy_version: str
    entered_by: str | None = None
    state: Literal["open", "closed"] = "open"
    moves: dict[str, str] = field(default_factory=dict)
    additions: tuple[Addition, ...] = ()
    revoked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    safe_until: datetime | None = None
    not_created: dict[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    guardian: GuardianStatus = "due"
    first_contact_at: datetime | None = None
    safety_confirmed_at: datetime | None = None
    safety_basis: str | None = None
    assessed: tuple[UUID, ...] = ()
    closed_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()
    referrals: tuple[Referral, ...] = ()
    clocks: tuple[Clock, ...] = ()
    finished: tuple[Finished, ...] = ()

    # What the rules ask -------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The stream key: the case."""
        return str(self.case_id)

    @property
    def concerns(self) -> tuple[str, ...]:
        """Concern codes over all children."""
        return tuple(dict.fromkeys(concern for child in self.children for concern in child.concerns))

    @property
    def roles(self) -> dict[str, str]:
        """Department → role, without what was handed back or withdrawn."""
        return {referral.department: referral.role for referral in self.referrals if referral.state != "ended"}

    @property
    def outside(self) -> bool:
        """Known at intake to be outside the township: only S3, S6 and S13 exist."""
        return self.transfer_out

    @property
    def pause(self) -> Pause | None:
        """The last pause, whatever became of it."""
        return self.pauses[-1] if self.pauses else None

    @property
    def coordinating(self) -> str:
        """Civil affairs, or who stands in where civil affairs has a conflict of interest."""
        return "township_government" if "civil_affairs" in self.blocked else "civil_affairs"

    def routing(self) -> Routing:
        """The roles given, as a routing result."""
        return Routing(
            referrals=tuple(_routed(referral) for referral in self.referrals if referral.state != "ended"),
            case_lead=self.case_lead,
            coordinator=self.coordinator,
            external_notices=self.external_notices,
            restricted=self.restricted,
            blocked=self.blocked,
            outside=self.transfer_out,
        )

    def child_cases(self, policy: Policy) -> tuple[ChildCase, ...]:
        """The children as the rules take them."""
        return tuple(
            ChildCase(
                child.child_id,
                policy.circumstances(
                    concerns=child.concerns,
                    facts=child.facts if self.safe_until is None else {**child.facts, "safe_until": self.safe_until},
                    answers=child.answers,
                    reporters=self.reporters,
                    level=child.level,
                    fired=child.fired,
                ),
            )
            for child in self.children
        )

    def basis(self, policy: Policy) -> Response:
        """What the clocks depend on."""
        return Response(
            level=self.level,
            received=self.received_at,
            dispatched=self.dispatched_at,
            children=self.child_cases(policy),
            routing=self.routing(),
            zone=self.place.zone,
        )

    def referral(self, referral_id: UUID) -> Referral:
        """A referral of this response. Raises LookupError."""
        for referral in self.referrals:
            if referral.referral_id == referral_id:
                return referral
        raise LookupError(f"no referral {referral_id}")

    def referral_of(self, department: str | None) -> Referral | None:
        """The referral a department holds now; its own before one it took over."""
        return next((r for r in self.referrals if r.department == department and r.state != "ended"), None)

    def running(self, *steps: str, recipient: str | None = None, about: UUID | None = None) -> tuple[Clock, ...]:
        """The running clocks of these steps, of one recipient or about one thing where given."""
        return tuple(
            clock
            for clock in self.clocks
            if clock.deadline.step in steps
            and (recipient is None or clock.deadline.recipient == recipient)
            and (about is None or clock.about == about)
        )

    def next_clock(self, referral: Referral) -> Clock | None:
        """The clock that this referral's department owes first, also after its own task is completed."""
        own = [clock for clock in self.clocks if clock.referral_id == referral.referral_id]
        return min(own, key=lambda clock: (clock.deadline.due, clock.id), default=None)

    # What changes it ----------------------------------------------------------------------------------------------

    def with_referral(self, changed: Referral) -> "ResponseFile":
        """The response with one referral replaced, or added at the end."""
        if any(referral.referral_id == changed.referral_id for referral in self.referrals):
            same = (changed if r.referral_id == changed.referral_id else r for r in self.referrals)
            return replace(self, referrals=tuple(same))
        return replace(self, referrals=(*self.referrals, changed))

    def finish(self, clocks: Iterable[Clock], at: datetime) -> "ResponseFile":
        """These clocks were met at `at`, which may lie before now: the act counts, not its entry."""
        return self._without({clock.id: Finished(clock, "met", at) for clock in clocks})

    def cancel(self, clocks: Iterable[Clock], at: datetime, reason: str) -> "ResponseFile":
        """These clocks no longer apply."""
        return self._without({clock.id: Finished(clock, "cancelled", at, reason) for clock in clocks})

    def _without(self, finished: dict[UUID, Finished]) -> "ResponseFile":
        if not finished:
            return self
        left = tuple(clock for clock in self.clocks if clock.id not in finished)
        return replace(self, clocks=left, finished=(*self.finished, *finished.values()))

    def start(
        self,
        step: str,
        anchored_at: datetime,
        cause: UUID,
        policy: Policy,
        calendar: WorkingCalendar,
        *,
        recipient: str | None = None,
        about: UUID | None = None,
    ) -> "ResponseFile":
        """Start the clock of one step. Raises LookupError where the step has no limit at this level."""
        wanted = GUARDIAN_NOTICE if step == DEFERRED_NOTICE else step
        deadline = replace(arm_step(wanted, anchored_at, self.basis(policy), policy, calendar, recipient), step=step)
        if step == DEFERRED_NOTICE:
            deadline = replace(deadline, anchor=SAFETY_CONFIRMED)
        clock = self.clock(identity(cause, "clock", step, recipient or "", about or ""), deadline, about)
        return replace(self, clocks=(*self.clocks, clock))

    def clock(self, clock_id: UUID, deadline: Deadline, about: UUID | None = None) -> Clock:
        """A clock with the referral and organisation of the department that owes it."""
        department = deadline.department
        holder = self.referral_of(department)
        organisation = holder.organisation if holder else self.units.get(department or "")
        return Clock(clock_id, deadline, organisation, holder.referral_id if holder else None, about)

    def reowned(self, policy: Policy) -> "ResponseFile":
        """Every clock with the owner it has under the present roles: the lead may have changed."""
        routing = self.routing()

        def owned(clock: Clock) -> Clock:
            step = GUARDIAN_NOTICE if clock.deadline.step == DEFERRED_NOTICE else clock.deadline.step
            owner, department, tier = owner_of(step, clock.deadline.recipient, routing, policy)
            deadline = replace(clock.deadline, owner=owner, department=department, tier=tier)
            return self.clock(clock.id, deadline, clock.about)

        return replace(self, clocks=tuple(owned(clock) for clock in self.clocks))

    def closed(self, at: datetime) -> "ResponseFile":
        """The case was closed at `at`: the decision was made (S12), everything else ends without a breach."""
        file = self.finish(self.running("S12"), at)
        file = file.cancel(file.clocks, at, "case_closed")
        ended = tuple(replace(r, state="ended", ended_reason="case_closed") if r.open else r for r in file.referrals)
        return replace(file, referrals=ended, state="closed", closed_at=at)

    def return_decision_of(self, referral: Referral) -> tuple[Clock, ...]:
        """The clock of civil affairs' ruling on a return."""
        return self.running(RETURN_DECISION, about=referral.referral_id)


def _routed(referral: Referral) -> Routed:
    return Routed(
        department=referral.department,
        role=referral.role,
        children=referral.children,
        because=referral.because,
        masked=referral.masked,
        tasks=referral.tasks,
        notice_post=referral.notice_post,
    )
