"""When two records are the same child (policy `risk.duplicate_rule`)."""

from pydantic import Field

from contracts.policy.limits import Section


class Weights(Section):
    """What agreement in each particular is worth, in percent of the whole likeness."""

    name: int = 50
    birth_date: int = 35
    village: int = 15


class DuplicateRule(Section):
    """Likeness at or above `threshold` joins a report to the child's open case; from `suggest_from` a person decides."""

    match: str
    threshold: float
    with_: str = Field(alias="with")
    effect: str
    weights_percent: Weights = Weights()
    suggest_from: float = 0.6
    weights_default: bool = False
    report_steps: tuple[str, ...]
    report_steps_default: bool = False
    siblings: str

    @property
    def threshold_percent(self) -> int:
        """The threshold as whole percent."""
        return round(100 * self.threshold)

    @property
    def suggest_percent(self) -> int:
        """Where suggestions begin, as whole percent."""
        return round(100 * self.suggest_from)
