"""Policy section `routing.added`: referrals that no cell of the matrix gives, and those taken back."""

from contracts.policy.limits import Label, Limit, Section


class Choice(Section):
    """A code that people choose, with its label."""

    code: str
    label: Label


class AutomaticReferral(Section):
    """A referral that a later fact brings about: which department, at least which role, with which task."""

    department: str
    role: str
    task: Label
    basis: tuple[str, ...] = ()


class WelfareCheck(AutomaticReferral):
    """The check by the police after failed visits, which has a clock of its own from the failed visit."""

    label: Label
    anchor: str
    limits: dict[str, Limit]


class AddedReferrals(Section):
    """What people and later facts may add to the routing (D-4.7.3), and the codes they choose from.

    `safety_tasks` are the only words that a department outside the whitelist gets of a restricted case.
    """

    default: bool = False
    roles: tuple[str, ...]
    add_reasons: tuple[Choice, ...]
    revoke_reasons: tuple[Choice, ...]
    safety_tasks: tuple[Choice, ...]
    guardian_non_compliance: AutomaticReferral
    welfare_check: WelfareCheck
