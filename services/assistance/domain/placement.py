"""Where a child lives when home is not safe: which kind may be chosen, what each kind needs, when the child may return,
and which government answers for it (policy `placement`; D-4.6).

Emergency care is given where the child is and asks nothing first but whether a doctor is needed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.policy import Circumstances, Label, Policy, compile_condition
from contracts.policy.conditions import RawCondition
from services.assistance.domain.rounds import Child

HOME, RELATIVE, ELDERLY_HOME, COMMUNITY, HOSPITAL = "P0", "P1", "P3", "P7", "P8"
PERMANENT_KINDS = frozenset({"P1", "P2", "P4"})
"""Kinds that can become where a child lives for good."""

Kind = Literal["P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"]
State = Literal["proposed", "approved", "refused", "started", "ended", "returned_home"]
EndCause = Literal["moved", "transferred", "returned_home", "aged_out", "adopted", "ran_away", "deceased", "withdrawn"]
STATED_CAUSES: frozenset[EndCause] = frozenset({"aged_out", "adopted", "ran_away", "deceased"})
"""Causes a person may give for an end that is neither a move, a transfer nor a return."""
Responsible = Literal["this_township", "place_of_origin"]


@dataclass(frozen=True, slots=True)
class Placement:
    """One placement of one child. `place` is an organisation or provider, never an address; that lies in the vault.

    `guardianship_id` and `guardianship_since` belong to the temporary guardianship, which goes on through moves.
    `police_clear`: what the police found of a relative; None: not checked. Notes are ids of texts in the vault.
    """

    placement_id: UUID
    child_id: UUID
    kind: str
    reason: str
    state: State
    emergency: bool = False
    place: str | None = None
    siblings_of: UUID | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    end_cause: str | None = None
    guardianship_id: UUID | None = None
    guardianship_since: datetime | None = None
    relative_of_suspected: bool = False
    police_clear: bool | None = None
    medically_cleared: bool = False
    handed_over: bool = False
    accepted_in_writing: bool = False
    home_assessed_safe: bool = False
    permanent_since: datetime | None = None

    @property
    def current(self) -> bool:
        """The child lives there now."""
        return self.state == "started"

    @property
    def waiting(self) -> bool:
        """It may still begin."""
        return self.state in {"proposed", "approved"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a proposal asks for one child. `unavailable`: better kinds and why they are out of the question.

    `with_children`: the children of the same proposal, who go to the same place.
    """

    child: Child
    kind: str
    reason: str
    emergency: bool = False
    place: str | None = None
    unavailable: Mapping[str, str] = field(default_factory=dict)
    with_children: frozenset[UUID] = frozenset()
    apart_reason: str | None = None
    medically_cleared: bool = False
    separate_room: bool = False
    staff_checked: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A condition that does not hold, and in codes what would meet it."""

    rule: str
    text: Label
    detail: tuple[str, ...] = ()


def circumstances(child: Child, policy: Policy) -> Circumstances:
    """The child as the policy's conditions see it now."""
    return policy.circumstances(
        concerns=child.concerns, facts=child.facts, answers=child.answers, level=child.level or None, fired=child.fired
    )


def holds(when: RawCondition, child: Child, policy: Policy) -> bool:
    """Whether a condition of the policy holds for a child now."""
    return compile_condition(when, policy.compiled.named).holds(circumstances(child, policy))


# Proposing ----------------------------------------------------------------------------------------------------------


def proposal_lacks(
    wish: Wish, family: Sequence[Child], running: Sequence[Placement], policy: Policy
) -> tuple[Missing, ...]:
    """What a proposal still lacks; empty when it may be made. `running`: the family's placements, current and waiting."""
    own = [one for one in running if one.child_id == wish.child.child_id]
    return (
        *_waiting(own),
        *_doctor_first(wish, own, policy),
        *(_emergency_kind(wish, policy) if wish.emergency else _better_kinds(wish, policy)),
        *_home(wish, policy),
        *_kind_needs(wish, policy),
        *_siblings(wish, family, running),
    )


def _waiting(own: Sequence[Placement]) -> tuple[Missing, ...]:
    if not any(one.waiting for one in own):
        return ()
    return (
        Missing(
            "placement_waiting", Label(zh="该未成年人已有待办的安置", en="a placement of this child is waiting already")
        ),
    )


def _doctor_first(wish: Wish, own: Sequence[Placement], policy: Policy) -> tuple[Missing, ...]:
    cleared = wish.medically_cleared or any(one.medically_cleared for one in own)
    if wish.kind == HOSPITAL or cleared or not holds(policy.placement.medical_first.when, wish.child, policy):
        return ()
    text = Label(zh="伤病未成年人须先就医", en="an injured or sick child goes to hospital first")
    return (Missing("medical_first", text, ("medical_note_id", f"kind:{HOSPITAL}")),)


def _emergency_kind(wish: Wish, policy: Policy) -> tuple[Missing, ...]:
    kinds = policy.placement.emergency_kinds
    if wish.kind in kinds:
        return ()
    text = Label(
        zh="紧急安置仅限于村(社区)临时照护、救助保护机构和医院", en="emergency care is given in these kinds only"
    )
    return (Missing("emergency_kind", text, tuple(f"kind:{kind}" for kind in kinds)),)


def _better_kinds(wish: Wish, policy: Policy) -> tuple[Missing, ...]:
    open_kinds = tuple(kind for kind in policy.placement.better_than(wish.kind) if kind not in wish.unavailable)
    if not open_kinds:
        return ()
    text = Label(
        zh="须先逐一记录优先方式不可用或不适合的原因", en="each better kind must be recorded as out of the question"
    )
    return (Missing("preference", text, tuple(f"unavailable:{kind}" for kind in open_kinds)),)


def _home(wish: Wish, policy: Policy) -> tuple[Missing, ...]:
    return removal_stands(wish.reason, wish.child, policy) if wish.kind == HOME else ()


def _kind_needs(wish: Wish, policy: Policy) -> tuple[Missing, ...]:
    needs, found = policy.placement.constraint(wish.kind), []
    if needs.age_at_least is not None and (wish.child.age is None or wish.child.age < needs.age_at_least):
        text = Label(zh=f"须年满{needs.age_at_least}周岁", en=f"at least {needs.age_at_least} years old")
        found.append(Missing("age", text, ("age_unknown" if wish.child.age is None else "too_young",)))
    barred = tuple(code for code in needs.never_concerns if code in wish.child.concerns)
    if barred:
        text = Label(zh="此类情形不得采用该方式", en="never with these concerns")
        found.append(Missing("concern", text, tuple(f"concern:{code}" for code in barred)))
    if needs.separate_room and not wish.separate_room:
        found.append(Missing("separate_room", Label(zh="须有单独房间", en="a separate room is needed")))
    if needs.staff_check and not wish.staff_checked:
        found.append(Missing("staff_check", Label(zh="须核查工作人员背景", en="the staff must be checked")))
    return tuple(found)


def _siblings(wish: Wish, family: Sequence[Child], running: Sequence[Placement]) -> tuple[Missing, ...]:
    """Siblings stay together: in one proposal, or in the same kind and place. An emergency asks later."""
    if wish.emergency or wish.apart_reason is not None or wish.kind == HOME:
        return ()
    same_place = {one.child_id for one in running if one.kind == wish.kind and wish.place and one.place == wish.place}
    together = {wish.child.child_id} | wish.with_children | same_place
    apart = tuple(f"child:{child.child_id}" for child in family if child.child_id not in together)
    if not apart:
        return ()
    text = Label(zh="同胞原则上同处安置，分开须说明原因", en="siblings stay together, or a reason is given")
    return (Missing("siblings_apart", text, apart),)


def removal_stands(reason: str, child: Child, policy: Policy) -> tuple[Missing, ...]:
    """Whether the reason for which a child was or would be taken away still stands. Empty: it does not.

    Raises KeyError for a reason the policy does not have.
    """
    when = {entry.code: entry.stands_while for entry in policy.placement.reasons}[reason]
    condition, known = compile_condition(when, policy.compiled.named), circumstances(child, policy)
    if not condition.holds(known):
        return ()
    text = Label(zh="带离原因仍然存在，不得居家或送返", en="the reason for removal stands: not home")
    return (Missing("removal_reason_stands", text, condition.because(known)),)


def needs_police_check(kind: str, stated_relative: bool | None, child: Child) -> bool:
    """A relative of a suspected harmer is checked by the police. Where a guardian is suspected and nobody said
    whose relative it is, the answer is yes."""
    suspected = child.facts.get("guardian_suspected_harmer") is True
    return kind == RELATIVE and (bool(stated_relative) or (suspected and stated_relative is None))


# Approving, starting, leaving ---------------------------------------------------------------------------------------


def approval_lacks(one: Placement, child: Child, posts: Collection[str], policy: Policy) -> tuple[Missing, ...]:
    """What must still hold before a proposal is approved, asked again with what is known now."""
    found: list[Missing] = []
    wanted = policy.placement.constraint(one.kind).approved_by
    if wanted is not None and wanted not in posts:
        label = policy.label("post", wanted)
        found.append(
            Missing("approver", Label(zh=f"须由{label.zh}批准", en=f"the {label.en} must approve"), (f"post:{wanted}",))
        )
    if one.relative_of_suspected and one.police_clear is not True:
        text = Label(zh="涉嫌侵害者的亲属须经公安核查", en="a relative of the suspect needs a police check")
        found.append(
            Missing("police_check", text, ("refused_by_police" if one.police_clear is False else "not_checked",))
        )
    needs = policy.placement.constraint(one.kind)
    barred = tuple(code for code in needs.never_concerns if code in child.concerns)
    if barred:
        text = Label(zh="此类情形不得采用该方式", en="never with these concerns")
        found.append(Missing("concern", text, tuple(f"concern:{code}" for code in barred)))
    return (*found, *(removal_stands(one.reason, child, policy) if one.kind == HOME else ()))


def start_lacks(one: Placement, child: Child, hand_over: bool, policy: Policy) -> tuple[Missing, ...]:
    """What must hold before a child moves in. An emergency starts at once; its papers follow."""
    found: list[Missing] = []
    if one.state == "proposed" and not one.emergency:
        found.append(Missing("approval", Label(zh="须先批准", en="must be approved first")))
    if not one.emergency and one.kind != HOME and not hand_over:
        found.append(
            Missing("hand_over", Label(zh="须有双方签字的交接回执", en="a hand-over receipt of both sides is needed"))
        )
    return (*found, *(removal_stands(one.reason, child, policy) if one.kind == HOME else ()))


def transfer_lacks(one: Placement, child: Child, policy: Policy) -> tuple[Missing, ...]:
    """What must hold before another government takes the child over (D-4.6.2)."""
    found: list[Missing] = []
    if responsible(child, policy) != "place_of_origin":
        found.append(Missing("responsible", Label(zh="由本镇负责，不得移交", en="this township answers for the child")))
    if not one.accepted_in_writing:
        found.append(
            Missing("acceptance", Label(zh="流出地须书面同意接收", en="the place of origin must accept in writing"))
        )
    if not one.home_assessed_safe:
        found.append(
            Missing("home_assessment", Label(zh="流出地家庭须评估为安全", en="the home must be assessed as safe"))
        )
    return tuple(found)


def responsible(child: Child, policy: Policy) -> Responsible:
    """Which government answers for the child, by household registration. Not known, or not asked yet: this one."""
    for rule in policy.placement.responsible_government.rules:
        if holds(rule.when, child, policy):
            return "place_of_origin" if rule.transfer_only_after else "this_township"
    return "this_township"


def external_notices(kind: str, policy: Policy) -> tuple[str, ...]:
    """Who outside the township is told of a placement or temporary guardianship (N-11). Home is no placement."""
    told = policy.notices_by_id["N-11"].to
    if kind == HOME or not isinstance(told, dict):
        return ()
    return tuple(body for body, what in told.items() if "placement" in what)


# The chain of a child -----------------------------------------------------------------------------------------------


def current_of(child_id: UUID, placements: Sequence[Placement]) -> Placement | None:
    """Where a child lives now; None: at home, or not known here."""
    return next((one for one in placements if one.child_id == child_id and one.current), None)


def settled_since(
    child_id: UUID, placements: Sequence[Placement]
) -> tuple[Literal["permanent", "home"], datetime] | None:
    """Since when a child that was placed is permanently there, or home again. None: neither, or never placed."""
    now = current_of(child_id, placements)
    if now is not None:
        if now.permanent_since is not None:
            return "permanent", now.permanent_since
        return ("home", now.started_at) if now.kind == HOME and now.started_at else None
    ended = [(one.ended_at, one) for one in placements if one.child_id == child_id and one.ended_at is not None]
    at, last = max(ended, key=lambda pair: pair[0], default=(None, None))
    return ("home", at) if at is not None and last is not None and last.state == "returned_home" else None
