"""What a report leaves in the vault: every personal value sealed under its owner's key, and its search tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from chassis.transaction import Transaction
from contracts.policy import Policy
from contracts.vocabulary import ChildIntake
from services.intake.bodies import PlaceBody, ReportBody, ReportedChild, ReporterBody, StatementBody
from services.intake.domain.children import AGE, Prepared
from services.intake.recognising import particulars_of, tokens
from services.intake.sight import NARRATIVE, REPORTER_FIELDS, field_of
from services.intake.store.cases import NewCase
from services.intake.store.persons import Token
from services.intake.store.reports import Sealed
from services.intake.vault import DataKey, Vault


@dataclass(frozen=True)
class Filing:
    """A child of a report with the case it is filed in and its data key."""

    case_id: UUID
    case_number: str
    child_id: UUID
    opened: bool
    follows: UUID | None
    key: DataKey
    key_is_new: bool
    statement: StatementBody
    prepared: Prepared

    @property
    def reported(self) -> ReportedChild:
        """The child as the receipt names it."""
        return ReportedChild(
            child_id=self.child_id, case_id=self.case_id, case_number=self.case_number, opened=self.opened
        )

    @cached_property
    def intake(self) -> ChildIntake:
        """The child as events name it: codes only."""
        return ChildIntake(
            child_id=self.child_id,
            case_id=self.case_id,
            case_number=self.case_number,
            concerns=self.prepared.concerns,
            facts=self.prepared.facts,
            answers=self.prepared.answers,
        )

    @property
    def new_case(self) -> NewCase:
        """The case to be opened."""
        age = self.prepared.facts.get(AGE)
        return NewCase(
            case_id=self.case_id,
            case_number=self.case_number,
            child_id=self.child_id,
            concerns=self.prepared.concerns,
            age=age if type(age) is int else None,
            follows_case_id=self.follows,
        )


@dataclass(slots=True)
class Keepsakes:
    """Rows for the vault's tables."""

    keys: list[DataKey] = field(default_factory=list)
    child_fields: list[Sealed] = field(default_factory=list)
    texts: list[Sealed] = field(default_factory=list)
    reporter_fields: list[Sealed] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)


def keepsakes(
    tx: Transaction,
    body: ReportBody,
    filings: Sequence[Filing],
    *,
    village: str | None,
    restricted: bool,
    policy: Policy,
    vault: Vault,
) -> Keepsakes:
    """Seal a report. Of a contact that opens no case (no filings) only the words and the reporter are kept."""
    kept = Keepsakes()
    place = place_fields(body.place)
    for filing in filings:
        if filing.key_is_new:
            kept.keys.append(filing.key)
        said = filing.statement.child.model_dump(mode="json", exclude_none=True)
        for name, value in (said | place).items():
            grade = field_of(name, restricted=restricted, policy=policy).grade
            kept.child_fields.append(sealed(tx, filing.key, "vault_child", name, value, grade, filing.case_id))
        if filing.statement.narrative is not None:
            grade = field_of(NARRATIVE, restricted=restricted, policy=policy).grade
            words = filing.statement.narrative
            kept.texts.append(sealed(tx, filing.key, "vault_text", NARRATIVE, words, grade, filing.case_id))
        marks = tokens(particulars_of(filing.statement.child, village), vault)
        kept.tokens += [(filing.child_id, kind, token) for token, kind in marks.items()]
    seal_caller(tx, body.reporter, None if filings else body.narrative, kept, vault)
    return kept


def seal_caller(
    tx: Transaction,
    caller: ReporterBody,
    words: str | None,
    kept: Keepsakes,
    vault: Vault,
    known: DataKey | None = None,
) -> UUID:
    """Seal who called, and words that belong to no case, under a key of the caller's own; returns the key's owner.

    `known`: the key of an earlier contact with the same caller, used again.
    """
    owner = known.owner if known else tx.new_id("reporter")
    identity = dict(zip(REPORTER_FIELDS, (caller.name, caller.phone, caller.contact), strict=True))
    said = {name: value for name, value in identity.items() if value is not None}
    if not said and words is None:
        return owner
    key = known or vault.new_key(owner)
    if known is None:
        kept.keys.append(key)
    for name, value in said.items():
        kept.reporter_fields.append(sealed(tx, key, "vault_reporter", name, value, "P1", None))
    if words is not None:
        kept.texts.append(sealed(tx, key, "vault_text", NARRATIVE, words, "P2", None))
    return owner


def sealed(
    tx: Transaction, key: DataKey, table: str, kind: str, value: str, grade: str, case_id: UUID | None
) -> Sealed:
    """A value sealed for its place in a table of the vault."""
    row = tx.new_id(table, key.owner, kind)
    return Sealed(row, key.owner, kind, grade, key.seal(table, row, kind, value), case_id)


def place_fields(place: PlaceBody) -> dict[str, str]:
    """The words of a place, as fields of the file."""
    named = place.outside if isinstance(place.outside, str) else None
    fields = {"location": place.address, "landmark": place.landmark, "outside_place": named}
    return {name: value for name, value in fields.items() if value is not None}
