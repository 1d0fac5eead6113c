"""The policy's section `kpis`: each indicator's name, formula, targets and alarms, and the rules of counting."""

from typing import Literal

from contracts.policy.limits import Label, Section


class KpiBound(Section):
    """A target or an alarm. `scope` is a level or `others`; `measure` one of the indicator's measures."""

    op: Literal[">=", "<=", ">", "<"]
    value: float
    unit: Literal["%", "min", "count"]
    scope: str | None = None
    measure: str | None = None
    kind: Literal["watch"] | None = None
    effect: str | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is on this side of the bound."""
        match self.op:
            case ">=":
                return value >= self.value
            case "<=":
                return value <= self.value
            case ">":
                return value > self.value
            case "<":
                return value < self.value


class Kpi(Section):
    """One indicator."""

    id: str
    name: Label
    formula: str
    target: tuple[KpiBound, ...] = ()
    alarm: tuple[KpiBound, ...] | None = None
    status: str | None = None
    feeds: str | None = None


class SmallCounts(Section):
    """Counts below this are not shown, except to the department named."""

    suppress_below: int
    outside: str


class KpiRules(Section):
    """How indicators count."""

    late: str
    cancelled: str
    small_counts: SmallCounts
    pairing: str


class Kpis(Section):
    """The section."""

    rules: KpiRules
    list: tuple[Kpi, ...]
