"""Recognising a child: keyed tokens select a few candidates by index, these are decrypted in memory and compared.

Bounded whatever the data: at most `CANDIDATES_MAX` records are opened for one child. Nothing that was opened leaves this
module but likenesses and codes.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from chassis.transaction import Connection
from contracts.access import Subject
from contracts.policy.duplicates import DuplicateRule
from services.intake.bodies import ChildBody
from services.intake.domain.matching import HOUSEHOLD, PROVING, Likeness, Particulars, keys, likeness
from services.intake.domain.reach import reach
from services.intake.store import persons
from services.intake.store.persons import SealedParticular
from services.intake.vault import Vault

CANDIDATES_MAX = 12
COMPARED = ("name", "birth_date", "sex", "id_number", "phone", "guardian_phone", "guardian_id_number")
"""The fields of the vault that are opened for comparing."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A person who may be the one sought. `records` are all records of the person, `cases` their cases, open ones first.

    `registered`: the villages of a child that stands on a register; a person with neither is a relative.
    """

    person_id: UUID
    records: frozenset[UUID]
    likeness: Likeness
    cases: tuple[Mapping[str, Any], ...]
    born: date | None
    registered: frozenset[str] | None = None

    @property
    def is_child(self) -> bool:
        """Whether the township knows the person as a child."""
        return bool(self.cases) or self.registered is not None

    def cases_for(self, subject: Subject) -> tuple[Mapping[str, Any], ...]:
        """The cases this subject may find by searching."""
        return tuple(case for case in self.cases if _findable(case, subject))


def particulars_of(child: ChildBody, village: str | None) -> Particulars:
    """A reported child for comparing."""
    return Particulars.of(
        name=child.name,
        birth_date=child.birth_date,
        sex=child.sex,
        id_number=child.id_number,
        phones=(child.phone, child.guardian_phone),
        guardian_ids=(child.guardian_id_number,),
        villages=(village,),
    )


def tokens(known: Particulars, vault: Vault, *, wide: bool = False) -> dict[bytes, str]:
    """The keyed digests of a record with their kinds."""
    return {vault.mark(kind, value): kind for kind, value in keys(known, wide=wide)}


async def recognise(
    db: Connection,
    sought: Sequence[Particulars],
    township: str,
    vault: Vault,
    rule: DuplicateRule,
    on: date,
    *,
    kinds: Collection[str] = (*PROVING, *HOUSEHOLD),
    wide: bool = False,
) -> list[list[Recognised]]:
    """For each child sought the persons of the township it may be, the likeliest first."""
    wanted = [{t: k for t, k in tokens(one, vault, wide=wide).items() if k in kinds} for one in sought]
    found = await persons.candidates(db, list({token for one in wanted for token in one})) if any(wanted) else []
    if not found:
        return [[] for _ in sought]
    short = [_shortlist(one, found) for one in wanted]
    groups = await persons.groups(db, {person for one in short for person in one})
    known = await open_particulars(db, groups, vault)
    cases, registered = await _cases(db, groups, township), await _registered(db, groups, township)
    return [
        sorted(_compared(one, chosen, groups, known, cases, registered, rule, on), key=lambda r: -r.likeness.percent)
        for one, chosen in zip(sought, short, strict=True)
    ]


async def open_particulars(db: Connection, people: Iterable[UUID], vault: Vault) -> dict[UUID, Particulars]:
    """What is known of these records, decrypted. A record whose key was destroyed is not among them."""
    sealed: dict[UUID, list[SealedParticular]] = {}
    for row in await persons.particulars(db, list(people), COMPARED):
        sealed.setdefault(row.owner_id, []).append(row)
    return {owner: _opened(rows, vault) for owner, rows in sealed.items()}


def _shortlist(wanted: Mapping[bytes, str], found: Sequence[tuple[UUID, bytes]]) -> list[UUID]:
    """The candidates of one child with the most keys in common; an ID number goes before everything."""
    votes: Counter[UUID] = Counter()
    for person, token in found:
        if kind := wanted.get(token):
            votes[person] += len(wanted) if kind == "id_number" else 1
    return [person for person, _ in votes.most_common(CANDIDATES_MAX)]


def _opened(rows: Sequence[SealedParticular], vault: Vault) -> Particulars:
    key = vault.key(rows[0].owner_id, rows[0].key_version, rows[0].wrapped)
    known = {row.field: key.open(row.table, row.id, row.field, row.sealed) for row in rows}
    born = known.get("birth_date")
    return Particulars.of(
        name=known.get("name"),
        birth_date=date.fromisoformat(born) if born else None,
        sex=known.get("sex"),
        id_number=known.get("id_number"),
        phones=(known.get("phone"), known.get("guardian_phone")),
        guardian_ids=(known.get("guardian_id_number"),),
    )


async def _cases(db: Connection, groups: Mapping[UUID, UUID], township: str) -> dict[UUID, list[Mapping[str, Any]]]:
    """The cases of each person (by the record that stands for it), open ones first, then the latest."""
    rows = await db.fetch(
        """
        SELECT case_id, case_number, family_id, child_id, state, level, village, restricted, conflict_unit, departments,
               entered_by, closed_at
        FROM case_file WHERE child_id = ANY($1::uuid[]) AND township = $2
        ORDER BY state DESC, case_number DESC
        """,
        list(groups),
        township,
    )
    found: dict[UUID, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(groups[row["child_id"]], []).append(dict(row))
    return found


async def _registered(db: Connection, groups: Mapping[UUID, UUID], township: str) -> dict[UUID, frozenset[str]]:
    """The villages of the persons who stand on a register, with or without a case."""
    rows = await db.fetch(
        "SELECT child_id, village FROM registered_child WHERE child_id = ANY($1::uuid[]) AND township = $2",
        list(groups),
        township,
    )
    found: dict[UUID, frozenset[str]] = {}
    for row in rows:
        root = groups[row["child_id"]]
        found[root] = found.get(root, frozenset()) | ({row["village"]} if row["village"] else frozenset())
    return found


def _compared(
    sought: Particulars,
    chosen: Sequence[UUID],
    groups: Mapping[UUID, UUID],
    known: Mapping[UUID, Particulars],
    cases: Mapping[UUID, list[Mapping[str, Any]]],
    registered: Mapping[UUID, frozenset[str]],
    rule: DuplicateRule,
    on: date,
) -> Iterable[Recognised]:
    for root in dict.fromkeys(groups[person] for person in chosen):
        records = frozenset(person for person, stands in groups.items() if stands == root)
        villages = frozenset(case["village"] for case in cases.get(root, ()) if case["village"])
        villages |= registered.get(root, frozenset())
        compared = [
            (likeness(sought, known[record].living_in(villages), rule, on), known[record])
            for record in records
            if record in known
        ]
        if compared:
            best, of = max(compared, key=lambda pair: pair[0].percent)
            yield Recognised(root, records, best, tuple(cases.get(root, ())), of.born, registered.get(root))


def _findable(case: Mapping[str, Any], subject: Subject) -> bool:
    within = reach(subject)
    return (
        (within.not_against is None or case["conflict_unit"] != within.not_against)
        and (within.restricted_of is None or not case["restricted"] or case["entered_by"] == within.restricted_of)
        and (within.involving is None or not case["restricted"] or within.involving in case["departments"])
    )
