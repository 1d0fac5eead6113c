"""What a report leaves in the vault: every personal value sealed under its owner's key, and its search tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from chassis.transaction import Transaction
from contracts.policy import Policy
from contracts.vocabulary import ChildIntake
from services.intake.bodies import ChildBody, ReportBody, ReportedChild, StatementBody
from services.intake.domain.children import AGE, Prepared
from services.intake.sight import NARRATIVE, REPORTER_FIELDS, field_of
from services.intake.store.cases import NewCase
from services.intake.store.reports import Sealed, Token
from services.intake.vault import DataKey, Vault, person


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
    place = _place(body)
    for filing in filings:
        if filing.key_is_new:
            kept.keys.append(filing.key)
        said = filing.statement.child.model_dump(mode="json", exclude_none=True)
        for name, value in (said | place).items():
            grade = field_of(name, restricted=restricted, policy=policy).grade
            kept.child_fields.append(_sealed(tx, filing.key, "vault_child", name, value, grade, filing.case_id))
        if filing.statement.narrative is not None:
            grade = field_of(NARRATIVE, restricted=restricted, policy=policy).grade
            words = filing.statement.narrative
            kept.texts.append(_sealed(tx, filing.key, "vault_text", NARRATIVE, words, grade, filing.case_id))
        tokens = {
            token: kind
            for kind, token in (
                *_field_tokens(filing.statement.child, vault),
                *person_tokens(filing.statement.child, village, vault),
            )
        }
        kept.tokens += [(filing.case_id, kind, token) for token, kind in tokens.items()]
    _seal_reporter(tx, body, kept, vault, with_words=not filings)
    return kept


def person_tokens(child: ChildBody, village: str | None, vault: Vault) -> Iterator[tuple[str, bytes]]:
    """The tokens that two records of the same child share (policy `duplicate_rule`)."""
    if child.id_number and (token := vault.token("id_number", child.id_number)):
        yield "id_number", token
    if (
        child.name
        and child.birth_date
        and (token := vault.token("person", person(child.name, child.birth_date, village)))
    ):
        yield "person", token


def _field_tokens(child: ChildBody, vault: Vault) -> Iterator[tuple[str, bytes]]:
    values = (("name", child.name), ("phone", child.phone), ("phone", child.guardian_phone))
    for kind, value in values:
        if value and (token := vault.token(kind, value)):
            yield kind, token


def _seal_reporter(tx: Transaction, body: ReportBody, kept: Keepsakes, vault: Vault, *, with_words: bool) -> None:
    identity = dict(zip(REPORTER_FIELDS, (body.reporter.name, body.reporter.phone, body.reporter.contact), strict=True))
    said = {name: value for name, value in identity.items() if value is not None}
    words = body.narrative if with_words else None
    if not said and words is None:
        return
    key = vault.new_key(tx.new_id("reporter"))
    kept.keys.append(key)
    for name, value in said.items():
        kept.reporter_fields.append(_sealed(tx, key, "vault_reporter", name, value, "P1", None))
    if words is not None:
        kept.texts.append(_sealed(tx, key, "vault_text", NARRATIVE, words, "P2", None))


def _sealed(
    tx: Transaction, key: DataKey, table: str, kind: str, value: str, grade: str, case_id: UUID | None
) -> Sealed:
    row = tx.new_id(table, key.owner, kind)
    return Sealed(row, key.owner, kind, grade, key.seal(table, row, kind, value), case_id)


def _place(body: ReportBody) -> dict[str, str]:
    named = body.place.outside if isinstance(body.place.outside, str) else None
    fields = {"location": body.place.address, "landmark": body.place.landmark, "outside_place": named}
    return {name: value for name, value in fields.items() if value is not None}
