"""What calls for a new assessment, by when, and the half-yearly rescreen (policy `risk.reassessment`, `missing_information`)."""

from collections.abc import Mapping

from pydantic import ConfigDict

from contracts.policy.limits import Basis, Label, Limit, Section

FACT_FINDING = "fact_finding"
"""The code of the task a provisional score owes, beside the triggers of the file."""


class Learned(Section):
    """What a trigger says of the child with certainty: facts, and answers that are at least this much."""

    facts: dict[str, bool | int | str] = {}
    answers: dict[str, str] = {}


class Trigger(Section):
    """An event after which a child is assessed anew. `signal`: a person or a department's system may report it.

    `opens`: what else it opens, in words.
    """

    code: str
    label: Label
    signal: bool = False
    sets: Learned = Learned()
    opens: str | None = None
    default: bool = False


class Remind(Section):
    """When an open reassessment is called to mind, and how often it is called again once late, by level."""

    warn_percent: int
    repeat: dict[str, Limit]
    default: bool = False


class Rescreen(Section):
    """The months in which every open case is scored again (D-4.3.2)."""

    months: tuple[int, ...]
    scope: str
    basis: Basis = ()


class Reassessment(Section):
    """The whole section. Limits count from the moment the event was known here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    due: dict[str, Limit]
    anchor: str
    anchor_default: bool
    triggers: tuple[Trigger, ...]
    remind: Remind
    batch: Rescreen

    @property
    def by_code(self) -> Mapping[str, Trigger]:
        """The triggers by code."""
        return {trigger.code: trigger for trigger in self.triggers}


class MissingInformation(Section):
    """The re-score a provisional result owes after the first contact."""

    unknown_is_never_zero: bool
    fact_finding_task: str
    fact_finding_label: Label
    rescore_after_first_contact: dict[str, Limit]
    rescore_anchor: str
    rescore_anchor_default: bool
