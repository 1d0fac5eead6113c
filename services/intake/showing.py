"""Fields of children as one reader of a register gets them: the decision is `sight.see`, the values are opened in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import Subject
from contracts.policy import Policy
from contracts.policy.registers import Register
from services.intake.domain.registers import part_in
from services.intake.sight import SECTIONS, CaseFacts, Full, Hidden, Masked, Sight, field_of, mask, see
from services.intake.store import persons
from services.intake.store.persons import SealedParticular
from services.intake.vault import DataKey, Vault
from services.intake.views.registers import Entry

SHOWN = (
    "name", "sex", "birth_date", "id_number", "phone", "address", "school", "health", "disability", "guardian_name",
    "guardian_phone", "guardian_id_number", *SECTIONS.values(),
)  # fmt: skip
"""What a register may show of identity; narrative, reporter and offences stay in the file."""


class Shown(BaseModel):
    """One field as its reader gets it. `value` is null when hidden, or when nothing is recorded."""

    sight: Literal["full", "masked", "hidden"]
    value: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads which register, under which policy, when. `register` None: the reader reads by the child's cases alone."""

    subject: Subject
    register: Register | None
    policy: Policy
    now: datetime

    def facts(self, entry: Entry) -> CaseFacts:
        """The child as `see` needs it: its case's facts, and the part the reader has by the register."""
        case = entry.case or {}
        departments: dict[str, str] = dict(case.get("departments", {}))
        part = part_in(self.subject, self.register, frozenset(entry.tags), self.policy) if self.register else None
        if part is not None and self.subject.department is not None and not entry.restricted:
            departments.setdefault(self.subject.department, part)
        return CaseFacts(
            township=self.subject.township,
            village=entry.village,
            group=entry.group_code,
            level=case.get("level"),
            restricted=entry.restricted,
            conflict_unit=entry.conflict_unit,
            concerns=frozenset(case.get("concerns", ())),
            age=entry.age,
            departments=departments,
            masked=frozenset(case.get("masked", ())),
        )

    def sights(self, entry: Entry, names: Sequence[str]) -> dict[str, Sight]:
        """How much of each field the reader sees of this child."""
        facts = self.facts(entry)
        return {
            name: see(
                self.subject, facts, field_of(name, restricted=entry.restricted, policy=self.policy), self.now, ()
            )
            for name in names
        }


async def shown_fields(
    db: Connection, reader: Reader, entries: Sequence[Entry], names: Sequence[str], vault: Vault
) -> dict[UUID, dict[str, Shown]]:
    """The fields of these children by child. A hidden value is never decrypted."""
    if not names:
        return {}
    children = {entry.child_id: entry for entry in entries}
    sights = {child_id: reader.sights(entry, names) for child_id, entry in children.items()}
    open_to = [child for child, seen in sights.items() if any(not isinstance(s, Hidden) for s in seen.values())]
    sealed: dict[tuple[UUID, str], SealedParticular] = {}
    for row in await persons.particulars(db, open_to, list(names)):
        sealed[row.owner_id, row.field] = row
    keys: dict[UUID, DataKey] = {}
    shown: dict[UUID, dict[str, Shown]] = {}
    for child_id, seen in sights.items():
        area = children[child_id].group_code or children[child_id].village
        shown[child_id] = {
            name: _shown(name, sight, sealed.get((child_id, name)), keys, vault, area) for name, sight in seen.items()
        }
    return shown


def _shown(
    name: str,
    sight: Sight,
    row: SealedParticular | None,
    keys: dict[UUID, DataKey],
    vault: Vault,
    area: str | None,
) -> Shown:
    match sight:
        case Hidden(reason):
            return Shown(sight="hidden", reason=reason)
        case Masked(initials):
            value = _opened(row, keys, vault)
            return Shown(sight="masked", value=mask(name, value, area, initials=initials) if value else None)
        case Full():
            return Shown(sight="full", value=_opened(row, keys, vault))


def _opened(row: SealedParticular | None, keys: dict[UUID, DataKey], vault: Vault) -> str | None:
    if row is None:
        return None
    key = keys.get(row.owner_id)
    if key is None:
        key = keys[row.owner_id] = vault.key(row.owner_id, row.key_version, row.wrapped)
    return key.open(row.table, row.id, row.field, row.sealed)
