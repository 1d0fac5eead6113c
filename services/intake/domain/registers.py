"""Who keeps and reads which register, and which of its rows (policy `registers`); the rows themselves are chosen in SQL.

A register is a view: nobody is put on it, the tags and cases of a child put it there. Owners read all their rows, the
village those of its villages, civil affairs and the township government the township's. On a register that is shared
(`access`), a department reads the children in whose cases it has a part, and those whose tags are its business.
"""

from dataclasses import dataclass
from functools import lru_cache

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy, load_policy
from contracts.policy.registers import Register


@dataclass(frozen=True, slots=True)
class Circle:
    """The rows of a register one reader may have; None = not narrowed by this.

    `involving`: a department reads the children in whose cases it has a role, and beyond them the unrestricted ones that
    carry one of `tags` (None: of any tag, since it keeps the register).
    """

    township: str
    villages: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    unrestricted: bool = False
    not_against: str | None = None
    involving: str | None = None
    tags: frozenset[str] | None = frozenset()


def may_read(subject: Subject, register: Register) -> bool:
    """Whether this department reads the register at all."""
    if subject.department is None:
        return False
    if subject.department in {COORDINATOR, GOVERNMENT} or subject.department in register.owners:
        return True
    return register.access is not None and subject.department != VILLAGE


def circle(subject: Subject, register: Register, policy: Policy) -> Circle:
    """The rows this reader may have. A register the village keeps never lists a restricted case (policy
    `restricted_cases`), whoever reads it: the list would tell the village by what is missing elsewhere."""
    unrestricted = register.owner == VILLAGE
    if subject.department == VILLAGE:
        return Circle(
            subject.township,
            villages=subject.villages,
            groups=subject.groups if subject.grid_only else None,
            unrestricted=True,
            not_against=VILLAGE,
        )
    if subject.department in {COORDINATOR, GOVERNMENT}:
        return Circle(subject.township, unrestricted=unrestricted, not_against=subject.department)
    department = subject.department or ""
    return Circle(
        subject.township,
        unrestricted=unrestricted,
        not_against=department,
        involving=department,
        tags=None if department in register.owners else department_tags(policy.policy_version, department),
    )


@lru_cache(maxsize=64)
def department_tags(version: str, department: str) -> frozenset[str]:
    """The tags that are a department's business: those of the concerns in which the routing matrix gives it a part."""
    policy = load_policy(version)
    involved = {
        concern for concern, row in policy.compiled.matrix.items() if any(owner == department for owner, _ in row)
    }
    return frozenset(tag for concern in policy.concerns if concern.code in involved for tag in concern.tags)


def part_in(subject: Subject, register: Register, tags: frozenset[str], policy: Policy) -> str | None:
    """The part a reader has in a child beyond its cases: who keeps the register works with it like a department with a
    task; whose business a tag is, is informed. None: no part by the register alone."""
    department = subject.department
    if department is None:
        return None
    if department in register.owners:
        return "assist"
    if register.access is not None and tags & department_tags(policy.policy_version, department):
        return "inform"
    return None
