"""Which cases a subject finds in a list: `contracts.access.decide` for "case.list", as a value a store turns into SQL."""

from dataclasses import dataclass

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject


@dataclass(frozen=True, slots=True)
class Reach:
    """A list filter. None = not narrowed by this. `restricted_of`: restricted cases only where this account entered them;
    `involving`: this department has a role; cases in conflict with `not_against` are out."""

    township: str
    villages: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    unrestricted: bool = False
    restricted_of: str | None = None
    involving: str | None = None
    not_against: str | None = None


def reach(subject: Subject) -> Reach:
    """The cases this subject may list; the door (`may`) has been passed already."""
    if subject.hotline:
        return Reach(subject.township, restricted_of=subject.account, not_against=subject.department)
    if subject.department == VILLAGE:
        groups = subject.groups if subject.grid_only else None
        return Reach(subject.township, villages=subject.villages, groups=groups, unrestricted=True, not_against=VILLAGE)
    if subject.department in {COORDINATOR, GOVERNMENT} or "auditor" in subject.posts:
        return Reach(subject.township, not_against=subject.department)
    return Reach(subject.township, involving=subject.department or "", not_against=subject.department)
