"""Which child on file a survey row is about: by ID number, by exactly the same name, birth date and village (without a
birth date: guardian), or, against children known from reports alone, by the policy's likeness (`risk.duplicate_rule`).

What is merely alike makes a child of its own: the file can be corrected, a child filed as another one is lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis.clock import derived_id
from chassis.transaction import Connection
from contracts.policy import Policy
from services.intake.bodies import ChildBody
from services.intake.domain.matching import likeness, sound_id
from services.intake.domain.survey import Surveyed
from services.intake.recognising import CANDIDATES_MAX, open_particulars, particulars_of, tokens
from services.intake.store import persons
from services.intake.vault import Vault

SURVEYED, ID_NUMBER, BORN = "surveyed", "id_number", "initials_birth"


@dataclass(frozen=True, slots=True)
class Marked:
    """A sound row with the keyed digests of its child (by token: kind) and of all it says."""

    said: Surveyed
    tokens: dict[bytes, str]
    digest: bytes


def marked(said: Surveyed, vault: Vault) -> Marked:
    """Compute what finds the child again and tells whether anything changed."""
    known = particulars_of(_body(said), said.place.village)
    found = tokens(known, vault)
    found[vault.mark(SURVEYED, said.told_apart_by)] = SURVEYED
    return Marked(said, found, vault.mark("survey row", said.content))


def _body(said: Surveyed) -> ChildBody:
    names = ("name", "sex", "id_number", "phone", "guardian_phone", "guardian_id_number")
    given = {name: text for name in names if (text := said.particulars.get(name))}
    return ChildBody.model_validate({**given, "birth_date": said.birth_date})


async def known_children(
    db: Connection, rows: Sequence[Marked], township: str, vault: Vault, policy: Policy, on: date
) -> dict[int, UUID]:
    """The child on file of each row that has one, by the row's number."""
    wanted: dict[bytes, list[tuple[int, str]]] = {}
    for row in rows:
        for token, kind in row.tokens.items():
            if kind in _TELLING:
                wanted.setdefault(token, []).append((row.said.line, kind))
    found = await persons.candidates(db, list(wanted))
    roots = await persons.groups(db, {person for person, _ in found}) if found else {}
    here = await _of_township(db, set(roots.values()), township)
    candidates: dict[int, dict[str, list[UUID]]] = {}
    for person, token in found:
        root = roots.get(person)
        if root is not None and root in here:
            for line, kind in wanted[token]:
                candidates.setdefault(line, {}).setdefault(kind, []).append(root)
    doubtful = {line: by for line, by in candidates.items() if ID_NUMBER not in by}
    numbers = await _id_numbers(db, {person for by in doubtful.values() for person in by.get(SURVEYED, ())})
    known: dict[int, UUID] = {}
    alike: list[tuple[Marked, list[UUID]]] = []
    for row in rows:
        by = candidates.get(row.said.line, {})
        number = next((token for token, kind in row.tokens.items() if kind == ID_NUMBER), None)
        sound = sound_id(row.said.particulars.get(ID_NUMBER, ""))
        same = [one for one in by.get(SURVEYED, ()) if not sound or numbers.get(one, number) == number]
        if sound and by.get(ID_NUMBER):
            known[row.said.line] = by[ID_NUMBER][0]
        elif same:
            known[row.said.line] = same[0]
        elif by.get(BORN):
            alike.append((row, by[BORN][:CANDIDATES_MAX]))
    return known | await _alike(db, alike, vault, policy, on)


def new_children(rows: Sequence[Marked], known: Mapping[int, UUID], survey_id: UUID) -> dict[int, UUID]:
    """The child of every row by its number: the one on file, else a new one, the same for rows that are about the same."""
    ids: dict[int, UUID] = {}
    by_number: dict[bytes, UUID] = {}
    by_name: dict[bytes, list[tuple[bytes | None, UUID]]] = {}
    for row in rows:
        number = next((t for t, kind in row.tokens.items() if kind == ID_NUMBER), None)
        name = next(t for t, kind in row.tokens.items() if kind == SURVEYED)
        child = known.get(row.said.line) or (by_number.get(number) if number else None)
        if child is None:
            same = (one for other, one in by_name.get(name, ()) if number is None or other in (None, number))
            child = next(same, None) or derived_id(survey_id, "child", row.said.line)
        ids[row.said.line] = child
        by_name.setdefault(name, []).append((number, child))
        if number is not None:
            by_number.setdefault(number, child)
    return ids


_TELLING = frozenset({ID_NUMBER, SURVEYED, BORN})


async def _alike(
    db: Connection, rows: Sequence[tuple[Marked, list[UUID]]], vault: Vault, policy: Policy, on: date
) -> dict[int, UUID]:
    """Rows whose child the policy's likeness finds among the candidates."""
    people = {person for _, candidates in rows for person in candidates}
    if not people:
        return {}
    opened = await open_particulars(db, people, vault)
    villages = await _villages(db, people)
    found: dict[int, UUID] = {}
    for row, candidates in rows:
        sought = particulars_of(_body(row.said), row.said.place.village)
        for person in candidates:
            record = opened.get(person)
            if record is None:
                continue
            alike = likeness(
                sought, record.living_in(villages.get(person, frozenset())), policy.risk.duplicate_rule, on
            )
            if alike.percent >= policy.risk.duplicate_rule.threshold_percent and alike.exact_name:
                found[row.said.line] = person
                break
    return found


async def _of_township(db: Connection, people: set[UUID], township: str) -> set[UUID]:
    rows = await db.fetch(
        """
        SELECT child_id FROM registered_child WHERE child_id = ANY($1::uuid[]) AND township = $2
        UNION SELECT child_id FROM case_file WHERE child_id = ANY($1::uuid[]) AND township = $2
        """,
        list(people),
        township,
    )
    return {row["child_id"] for row in rows}


async def _id_numbers(db: Connection, people: set[UUID]) -> dict[UUID, bytes]:
    if not people:
        return {}
    rows = await db.fetch(
        "SELECT person_id, token FROM person_token WHERE kind = $1 AND person_id = ANY($2::uuid[])",
        ID_NUMBER,
        list(people),
    )
    return {row["person_id"]: row["token"] for row in rows}


async def _villages(db: Connection, people: set[UUID]) -> dict[UUID, frozenset[str]]:
    rows = await db.fetch(
        """
        SELECT child_id, array_agg(village) AS villages FROM (
            SELECT child_id, village FROM registered_child WHERE child_id = ANY($1::uuid[])
            UNION SELECT child_id, village FROM case_file WHERE child_id = ANY($1::uuid[])
        ) AS v WHERE village IS NOT NULL GROUP BY child_id
        """,
        list(people),
    )
    return {row["child_id"]: frozenset(row["villages"]) for row in rows}
