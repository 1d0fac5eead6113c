"""Taking over a survey (摸底排查, D-6.1): rows are staged sealed, then read, matched and kept in pieces, each one commit.

A crash loses nothing and doubles nothing: what was committed is done, the next piece begins at the first staged row, and
its ids derive from survey and row. A row whose child is known and says nothing new changes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import orjson

from chassis.clock import derived_id
from chassis.database import Database
from chassis.service import Runtime
from chassis.transaction import Cause, Transaction
from contracts.envelope import Event
from contracts.intake import ChildSurveyed
from contracts.policy import Policy, load_policy
from contracts.vocabulary import Actor
from services.intake.domain.columns import VAULT_FIELDS, Header, columns
from services.intake.domain.numbers import ZONE
from services.intake.domain.places import Areas
from services.intake.domain.survey import Reading, RowProblem, Surveyed, read_row
from services.intake.domain.tags import circumstances, derived_tags, followers, tag_rules
from services.intake.drafting import Office
from services.intake.known_children import Marked, known_children, marked, new_children
from services.intake.ledger import Ledger
from services.intake.sight import field_of
from services.intake.store import persons, reports, tags
from services.intake.store import surveys as store
from services.intake.store.reports import Sealed
from services.intake.store.surveys import NewScreening, Outcome, Survey
from services.intake.store.tags import LEVEL, TAG, Child
from services.intake.store.writing import insert_all
from services.intake.vault import DataKey, Vault

CHUNK_ROWS = 100
TABLE = "survey_row"


def seal_rows(key: DataKey, header: Header, rows: Sequence[Sequence[object]]) -> list[tuple[int, bytes]]:
    """The rows of a sheet below its header, each sealed with its number in the file. Empty rows are left out."""
    codes = [column.code if column else None for column in header.columns]
    sealed = []
    for number, row in enumerate(rows, 2):
        cells = {code: _stored(cell) for code, cell in zip(codes, row, strict=False) if code and cell is not None}
        if any(str(cell).strip() for cell in cells.values()):
            place = derived_id(key.owner, number)
            sealed.append((number, key.seal(TABLE, place, "row", orjson.dumps(cells).decode())))
    return sealed


def _stored(cell: object) -> object:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return cell if isinstance(cell, str | int | float) else str(cell)


# The work -------------------------------------------------------------------------------------------------------------


async def work(runtime: Runtime) -> None:
    """Take over everything that is staged, piece by piece."""
    office: Office = runtime.resources["office"]
    while await take_piece(runtime.database, office):
        pass


async def take_piece(database: Database, office: Office) -> bool:
    """Take over the next rows of the oldest survey. False when there is nothing to do, or another process is at it."""
    async with database.transaction() as tx:
        survey = await store.claim(tx.db)
        if survey is None:
            return False
        staged = await store.staged_rows(tx.db, survey.survey_id, CHUNK_ROWS)
        if not staged:
            await store.finish(tx.db, survey.survey_id, tx.now)
            return True
        tx.cause = Cause(derived_id(survey.survey_id, "rows", staged[0][0]), str(survey.survey_id))
        await _Piece(tx, survey, office).take(staged)
    return True


class _Piece:
    """Some rows of one survey on their way into the store."""

    def __init__(self, tx: Transaction, survey: Survey, office: Office) -> None:
        self._tx = tx
        self._survey = survey
        self._office = office
        self._vault: Vault = office.vault
        self._policy: Policy = load_policy(survey.policy_version)
        self._by = Actor.model_validate(survey.uploaded_by)
        self._at = survey.uploaded_at
        self._outcomes: list[Outcome] = []
        self._screenings: list[NewScreening] = []
        self._surveyed: list[Child] = []
        self._keys: list[DataKey] = []
        self._fields: list[Sealed] = []
        self._tokens: list[persons.Token] = []
        self._harm = 0

    async def take(self, staged: Sequence[tuple[int, bytes]]) -> None:
        """Read the rows, find the children they are about, and keep what is new."""
        areas = await self._areas()
        key = await self._key()
        # Decrypting and checking is work for a processor: the loop goes on answering meanwhile.
        read = await asyncio.to_thread(self._read, staged, key, areas)
        sound = [row for row in read if isinstance(row, Marked)]
        known = await known_children(self._tx.db, sound, self._survey.township, self._vault, self._policy, self._on)
        ids = new_children(sound, known, self._survey.survey_id)
        filed = await tags.families_of(self._tx.db, ids.values())
        families = {family for found in filed.values() for family in found}
        await self._tx.lock(str(one) for one in families | {child for child in ids.values() if child not in filed})
        ledger = await Ledger.load(self._tx, families=families, children=list(ids.values()))
        wrapped = await reports.wrapped_keys(self._tx.db, ids.values())
        before = await self._before(list(ids.values()))
        seen = await store.children_seen(self._tx.db, self._survey.survey_id, ids.values())
        for row in read:
            if isinstance(row, Outcome):
                self._outcomes.append(row)
                continue
            child_id = ids[row.said.line]
            twice = child_id in seen
            seen.add(child_id)
            erased = child_id in ledger.children and child_id not in wrapped
            self._take_row(row, child_id, ledger, wrapped, before.get(child_id, {}), twice=twice, erased=erased)
        await self._save(ledger)

    @property
    def _on(self) -> date:
        return self._at.astimezone(ZONE).date()

    async def _areas(self) -> Areas:
        township = self._survey.township
        version = await self._tx.db.fetchval("SELECT version FROM township WHERE code = $1", township)
        return await self._office.areas_for(self._tx, township, version)

    async def _key(self) -> DataKey:
        wrapped = await reports.wrapped_keys(self._tx.db, [self._survey.survey_id])
        return self._vault.key(self._survey.survey_id, *wrapped[self._survey.survey_id])

    async def _before(self, children: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
        """What the vault holds of these children, to keep only what is new."""
        found: dict[UUID, dict[str, str]] = {}
        keys: dict[UUID, DataKey] = {}
        for row in await persons.particulars(self._tx.db, children, VAULT_FIELDS):
            key = keys.get(row.owner_id) or keys.setdefault(
                row.owner_id, self._vault.key(row.owner_id, row.key_version, row.wrapped)
            )
            found.setdefault(row.owner_id, {})[row.field] = key.open(row.table, row.id, row.field, row.sealed)
        return found

    def _read(self, staged: Sequence[tuple[int, bytes]], key: DataKey, areas: Areas) -> list[Marked | Outcome]:
        offered = {column.code: column for column in columns(self._survey.policy_version)}
        read: list[Marked | Outcome] = []
        for number, sealed in staged:
            place = derived_id(self._survey.survey_id, number)
            cells = orjson.loads(key.open(TABLE, place, "row", sealed))
            header = [offered[code] for code in cells]
            reading = Reading(header, areas, self._policy, self._on, self._survey.villages)
            row = read_row(number, list(cells.values()), reading)
            if isinstance(row, Surveyed):
                read.append(marked(row, self._vault))
            else:
                read.append(_refused(number, row or ()))
        return read

    # One row -----------------------------------------------------------------------------------------------------

    def _take_row(
        self,
        row: Marked,
        child_id: UUID,
        ledger: Ledger,
        wrapped: Mapping[UUID, tuple[int, bytes]],
        before: Mapping[str, str],
        *,
        twice: bool,
        erased: bool,
    ) -> None:
        said = row.said
        if twice or erased:
            problem = RowProblem("name", "duplicate_row" if twice else "identity_erased")
            self._outcomes.append(_refused(said.line, (problem,)))
            return
        child = ledger.children.get(child_id)
        if child is not None and child.digest == row.digest:
            self._outcomes.append(Outcome(said.line, "unchanged", child_id, said.emergency))
            return
        first = child is None or child.survey_id is None
        if child is None:
            child = ledger.children[child_id] = self._registered(child_id, said)
        if child_id in wrapped:
            key = self._vault.key(child_id, *wrapped[child_id])
        else:
            key = self._vault.new_key(child_id)
            self._keys.append(key)
        self._seal(said, key, before)
        self._tokens += [(child_id, kind, token) for token, kind in row.tokens.items()]
        self._take_codes(child, row, ledger)
        self._take_tags(child, said, ledger)
        self._announce(child, said, ledger)
        self._harm += said.suspected_harm
        self._outcomes.append(Outcome(said.line, "created" if first else "updated", child_id, said.emergency))

    def _registered(self, child_id: UUID, said: Surveyed) -> Child:
        return Child(child_id, self._survey.township, said.place.village, said.place.group, child_id)

    def _seal(self, said: Surveyed, key: DataKey, before: Mapping[str, str]) -> None:
        for name, value in said.particulars.items():
            if before.get(name) != value:
                grade = field_of(name, restricted=said.restricted, policy=self._policy).grade
                row = self._tx.new_id("vault_child", key.owner, name)
                self._fields.append(Sealed(row, key.owner, name, grade, key.seal("vault_child", row, name, value)))

    def _take_codes(self, child: Child, row: Marked, ledger: Ledger) -> None:
        """What the row says of the child. A child with an open case keeps the facts of its assessments: the survey's go to
        the instrument with the event."""
        said = row.said
        child.survey_id, child.digest = self._survey.survey_id, row.digest
        if not ledger.situation(child, self._policy).open_cases:
            child.concerns, child.facts, child.answers = said.concerns, said.facts, said.answers
            child.village, child.group_code = said.place.village, said.place.group
        if said.age is not None:
            child.age, child.age_on = said.age, self._on
        if said.household and not ledger.cases.get(child.child_id):
            child.family_id = UUID(bytes=self._vault.mark("household", self._household(said)))

    def _household(self, said: Surveyed) -> str:
        return f"{self._survey.township}|{said.place.village}|{said.household}"

    def _take_tags(self, child: Child, said: Surveyed, ledger: Ledger) -> None:
        """The tags the row names or its facts mean; those an earlier survey set and this one no longer means end."""
        rules = tag_rules(self._policy.policy_version)
        seen = circumstances(self._policy, said.concerns, said.facts, said.answers)
        meant = derived_tags(rules, seen, case_open=False, ladder_open=False) | said.tags.keys()
        meant |= followers(rules, meant)
        for tag in sorted(meant):
            held = ledger.span(child.child_id, TAG, tag)
            state = said.tags.get(tag) or (held.state if held else rules.state(tag, seen))
            if held is None or held.state != state:
                ledger.begin(child, TAG, tag, self._at, self._by, state=state, source="survey")
        for span in ledger.running(child.child_id, TAG):
            if span.source == "survey" and span.code not in meant:
                ledger.end(span, self._at, self._by, "survey_corrected")
        if not ledger.situation(child, self._policy).open_cases:
            child.derived = frozenset(child.derived) | (meant - said.tags.keys())

    def _announce(self, child: Child, said: Surveyed, ledger: Ledger) -> None:
        open_case = next((c for c in reversed(ledger.cases.get(child.child_id, [])) if c.state == "open"), None)
        level = ledger.span(child.child_id, LEVEL, str(open_case.case_id)) if open_case else None
        surveyed = ChildSurveyed.model_validate(
            {
                "child_id": child.child_id,
                "survey_id": self._survey.survey_id,
                "township": self._survey.township,
                "village": said.place.village,
                "concerns": said.concerns,
                "facts": dict(said.facts),
                "answers": dict(said.answers),
                "tags": tuple(sorted(span.code for span in ledger.running(child.child_id, TAG))),
                "case_id": open_case.case_id if open_case else None,
                "level_in_force": level.state if level else None,
                "policy_version": self._policy.policy_version,
                "by": self._by,
                "at": self._at,
            }
        )
        self._tx.publish(ledger.key(child), surveyed)
        self._screenings.append(
            NewScreening(
                child.child_id,
                said.place.village,
                said.place.group,
                said.emergency,
                said.suspected_harm,
                open_case.case_id if open_case else None,
            )
        )

    async def _save(self, ledger: Ledger) -> None:
        db, now, survey = self._tx.db, self._tx.now, self._survey
        await ledger.save()
        await insert_all(
            db,
            [
                reports.add_keys(self._keys),
                reports.add_child_fields(survey.survey_id, self._fields, now),
                persons.add_tokens(self._tokens),
            ],
        )
        await store.await_screening(db, survey, self._screenings, now)
        counts = Counter(survey.counts)
        counts.update(outcome.state for outcome in self._outcomes)
        counts["emergency"] += sum(outcome.emergency for outcome in self._outcomes)
        counts["suspected_harm"] += self._harm
        await store.save_outcomes(db, survey, self._outcomes, dict(counts), now)


def _refused(line: int, problems: Sequence[RowProblem]) -> Outcome:
    return Outcome(line, "refused", problems=[{"field": p.field, "code": p.code} for p in problems])


async def on_child_screened(events: Sequence[Event], tx: Transaction) -> None:
    """What the instrument says of surveyed children joins the list a person goes through."""
    await tx.lock([event.key for event in events])
    await store.save_screenings(tx.db, [event.data for event in events])
