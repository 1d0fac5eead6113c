"""Policy sections `tags` and `registers` (D-3.1 to D-3.10, D-4.1.2 and the plan's thirteen registers).

Target-group tags say what holds for a child; registers are views over children, families and cases by their tags. What
the file says in prose (`rule`, `or`, `exit`) stands beside the same thing as data (`follows`, `with_case`, `over`,
`leave`), which is what is computed.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from contracts.policy.conditions import Condition, PolicyError, RawCondition, compile_condition
from contracts.policy.limits import Basis, Label, Section


class Over(Section):
    """When a tag that the rules set ends by itself. Of `fact`, `no_open_case` and `no_open_ladder_step` all that are given
    must hold; a case closed with one of `closed_as` ends it at once. Without `over` only people end a tag."""

    fact: str | None = None
    no_open_case: bool = False
    no_open_ladder_step: bool = False
    closed_as: tuple[str, ...] = ()


class Tag(Section):
    """A target-group tag. Rules set it from the concerns that name it, from `when`, with another tag (`follows`), with
    any case (`with_case`) or with an open guardian-ladder step. `states`: it is always in one of these; a rule sets it in
    the last of `state_when` that holds, else in the first."""

    code: str
    label: Label
    basis: Basis = ()
    when: RawCondition | None = None
    follows: str | None = None
    with_case: bool = False
    with_open_ladder_step: bool = False
    over: Over = Over()
    states: tuple[str, ...] = ()
    state_when: dict[str, RawCondition] = {}
    rule: str | None = None
    or_: str | None = Field(default=None, alias="or")
    confirm: str | None = None
    default: bool = False


class Entry(Section):
    """Who is on a register: all of `tags_all`, one of `tags_any`, a case that is open or was ever opened, and, for
    `own village`, a village of this township to answer for the child."""

    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    case: Literal["open", "opened"] | None = None
    scope: Literal["own village"] | None = None


class Register(Section):
    """A register: whose it is and who belongs on it.

    `leave` takes somebody off who still meets `entry`: `adult` = 18 or older, `anonymised` = the identity was destroyed.
    The rest of `exit` follows from `entry` no longer holding. `access`: departments read it by their part in a case.
    """

    id: str
    label: Label
    subject: Literal["child", "case", "family"]
    owner: str
    co_owner: str | None = None
    entry: Entry
    exit: str
    leave: tuple[Literal["adult", "anonymised"], ...] = ()
    sections: tuple[Literal["family", "school", "community"], ...] = ()
    versioned: bool = False
    group_by: tuple[Literal["tag", "level"], ...] = ()
    history: bool = False
    subset_of: str | None = None
    access: str | None = None
    states: tuple[str, ...] = ()
    basis: Basis = ()

    @property
    def owners(self) -> frozenset[str]:
        """The departments that keep it."""
        return frozenset({self.owner} if self.co_owner is None else {self.owner, self.co_owner})

    @property
    def tags(self) -> frozenset[str]:
        """The tags its entry rule asks for."""
        return frozenset((*self.entry.tags_any, *self.entry.tags_all))


class RestrictedCases(Section):
    rule: str
    default: bool


class Registers(Section):
    """All registers of a township."""

    implementation: str
    rules_default: bool
    list_: tuple[Register, ...] = Field(alias="list")
    restricted_cases: RestrictedCases

    def get(self, register_id: str) -> Register | None:
        """A register by id (`REG-01`)."""
        return next((register for register in self.list_ if register.id == register_id), None)


def check_tags_and_registers(
    tags: Iterable[Tag], registers: Registers, departments: Iterable[str], named: Mapping[str, Condition]
) -> None:
    """Refuse what names something undefined. Raises PolicyError."""
    codes, keepers = {tag.code for tag in tags}, set(departments)
    for tag in tags:
        if tag.follows is not None and tag.follows not in codes:
            raise PolicyError(f"tag {tag.code} follows an unknown tag {tag.follows!r}")
        if not tag.state_when.keys() <= set(tag.states):
            raise PolicyError(f"tag {tag.code} is set in a state it does not have")
        for raw in (*([tag.when] if tag.when is not None else []), *tag.state_when.values()):
            compile_condition(raw, named)
    for register in registers.list_:
        if not register.tags <= codes:
            raise PolicyError(f"{register.id} asks for unknown tags: {sorted(register.tags - codes)}")
        if not register.owners <= keepers:
            raise PolicyError(f"{register.id} is kept by no department: {sorted(register.owners - keepers)}")
