"""The guardian ladder G0 to G4: steps, papers, jumps (policy `guardian_ladder`; D-4.4.4 to D-4.4.6)."""

from typing import Literal, Self

from pydantic import Field, model_validator

from contracts.policy.conditions import RawCondition
from contracts.policy.limits import Basis, Label, Limit, Section


class LadderStep(Section):
    """One step. `check_days`: compliance is checked that many days after the paper. `court_hours`: the court decides."""

    id: str
    label: Label
    issuers: tuple[str, ...]
    check_days: tuple[int, ...] = ()
    court_hours: dict[Literal["ordinary", "urgent"], int] = {}


class LadderDocument(Section):
    """A paper of a step. Empty `issuers` and absent `check_days` are those of the step.

    `any_time`: comes from a court or is everybody's right by law, so it neither waits for the ladder nor moves it.
    `copies`: N-8 goes out. `court_decides`: the court's limit runs from it. `settles`: ends a pending proceeding.
    """

    code: str
    step: str
    kind: Literal["act", "order", "proceeding"]
    label: Label
    issuers: tuple[str, ...] = ()
    check_days: tuple[int, ...] | None = None
    any_time: bool = False
    copies: bool = False
    court_decides: bool = False
    valid_months_max: int | None = None
    settles: str | None = None
    basis: Basis = ()


class DirectJump(Section):
    """When steps may be left out. `kind` review: the jump is open once a review said so; `and` is for it to judge."""

    to: str
    when: RawCondition
    or_higher: bool = False
    kind: Literal["jump", "review"] = "jump"
    and_: str | None = Field(default=None, alias="and")


class SupportiveBranch(Section):
    trigger: str
    first: str


class FamilyEducationOrder(Section):
    check_days: tuple[int, ...]
    track: tuple[str, ...]
    check_default: bool = False
    basis: Basis = ()


class LadderReason(Section):
    """Why a step is taken. `supportive`: no ill will, so help comes before anything else."""

    code: str
    label: Label
    supportive: bool = False


class GuardianResponse(Section):
    """What the guardian answered. `refuses` is non-compliance at once."""

    code: str
    label: Label
    refuses: bool = False


class LadderCode(Section):
    code: str
    label: Label


class CheckRhythm(Section):
    """When a compliance check is called to mind, and how often it is called again once late."""

    remind_before: Limit
    repeat_every: Limit
    default: bool = False


class JumpReview(Section):
    """How long a review of a jump may take, and which departments may decide it."""

    limit: Limit
    by: tuple[str, ...]
    default: bool = False


class Capacity(Section):
    """The coded guardianship-capacity assessment (D-4.4.3): a rating per domain, and a conclusion."""

    domains: tuple[LadderCode, ...]
    ratings: tuple[LadderCode, ...]
    conclusions: tuple[LadderCode, ...]
    default: bool = False
    basis: Basis = ()


class GuardianLadder(Section):
    """The whole section."""

    each_step_records: tuple[str, ...]
    steps: tuple[LadderStep, ...]
    normal_path: str
    non_compliance_at_g1: str
    direct_jump: tuple[DirectJump, ...]
    supportive_branch: SupportiveBranch
    family_education_order: FamilyEducationOrder
    documents_default: bool = False
    documents: tuple[LadderDocument, ...]
    recorders: dict[str, tuple[str, ...]]
    village_barred: str
    reasons_default: bool = False
    reasons: tuple[LadderReason, ...]
    responses: tuple[GuardianResponse, ...]
    checks: CheckRhythm
    review: JumpReview
    capacity: Capacity
    basis: Basis = ()

    def step(self, step_id: str) -> LadderStep:
        """A step by its id. Raises KeyError for one the policy does not have."""
        return {step.id: step for step in self.steps}[step_id]

    def rank(self, step_id: str) -> int:
        """How high a step stands, from 0."""
        return [step.id for step in self.steps].index(step_id)

    def document(self, code: str) -> LadderDocument | None:
        """A paper by its code."""
        return next((document for document in self.documents if document.code == code), None)

    def issuers(self, document: LadderDocument) -> tuple[str, ...]:
        """Who signs a paper."""
        return document.issuers or self.step(document.step).issuers

    def check_days(self, document: LadderDocument) -> tuple[int, ...]:
        """When compliance is checked, in days after the paper."""
        own = document.check_days
        return self.step(document.step).check_days if own is None else own

    def conditions(self) -> tuple[RawCondition, ...]:
        """Every condition of the section, to be compiled when the file is loaded."""
        return tuple(jump.when for jump in self.direct_jump)

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        known = {step.id for step in self.steps}
        named = {document.step for document in self.documents} | {jump.to for jump in self.direct_jump}
        if not named <= known:
            raise ValueError(f"no such step of the ladder: {sorted(named - known)}")
        settled = {document.settles for document in self.documents if document.settles}
        proceedings = {document.code for document in self.documents if document.kind == "proceeding"}
        if not settled <= proceedings:
            raise ValueError(f"no such proceeding: {sorted(settled - proceedings)}")
        return self

    def labels(self) -> dict[tuple[str, str], Label]:
        """Labels by (kind, code), for `Policy.labels`."""
        coded: dict[str, tuple[LadderDocument | LadderReason | GuardianResponse | LadderCode, ...]] = {
            "ladder_document": self.documents,
            "ladder_reason": self.reasons,
            "guardian_response": self.responses,
            "capacity_domain": self.capacity.domains,
            "capacity_rating": self.capacity.ratings,
            "capacity_conclusion": self.capacity.conclusions,
        }
        found = {(kind, entry.code): entry.label for kind, entries in coded.items() for entry in entries}
        return found | {("ladder_step", step.id): step.label for step in self.steps}
