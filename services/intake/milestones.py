"""Who reached an age that opens something: the birth dates that may be due are opened, so that none stands outside the vault."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis.clock import derived_id
from chassis.service import Runtime
from chassis.transaction import Cause, Transaction
from contracts.intake import ChildMilestoneReached
from contracts.policy import policy_in_force
from services.intake.domain.matching import birth_of
from services.intake.domain.milestones import reached
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.store import milestones, persons
from services.intake.vault import Vault

EVERY_SECONDS = 6 * 3600.0
BATCH = 500
BIRTH_DATE, ID_NUMBER = "birth_date", "id_number"


@dataclass(frozen=True, slots=True)
class Because:
    """One child's milestone as the cause of its announcement: announcing it twice would make the same event."""

    cause: Cause


async def work(runtime: Runtime) -> None:
    """Announce what was reached, some hundred children a commit."""
    office: Office = runtime.resources["office"]
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with runtime.database.transaction() as tx:
            after = await announce(tx, office.vault, after)


async def announce(tx: Transaction, vault: Vault, after: UUID) -> UUID | None:
    """The next children behind `after`. Returns where to go on, None at the end."""
    today = tx.now.astimezone(ZONE).date()
    rows = {row["child_id"]: row for row in await milestones.candidates(tx.db, today, after, BATCH)}
    born = await births(tx, list(rows), vault)
    due = [
        (child_id, milestone)
        for child_id, birth in born.items()
        for milestone in reached(birth, rows[child_id]["entered_at"].astimezone(ZONE).date(), today)
        if milestone not in rows[child_id]["announced"]
    ]
    if due:
        await tx.lock(str(rows[child_id]["family_id"]) for child_id, _ in due)
        fresh = await milestones.note(tx.db, due, tx.now)
        for child_id, milestone in due:
            if (child_id, milestone) in fresh:
                key = str(rows[child_id]["family_id"])
                said = ChildMilestoneReached(
                    case_id=rows[child_id]["family_id"],
                    case_number=rows[child_id]["case_number"],
                    child_id=child_id,
                    milestone=milestone,
                    policy_version=policy_in_force(today).policy_version,
                    at=tx.now,
                )
                tx.publish(key, said, cause=Because(Cause(derived_id(child_id, milestone), key)))
    return max(rows) if len(rows) == BATCH else None


async def births(tx: Transaction, children: list[UUID], vault: Vault) -> dict[UUID, date]:
    """The birth dates of these children, as told or as a sound ID number has them. A destroyed key leaves its child out."""
    told: dict[UUID, date] = {}
    by_number: dict[UUID, date] = {}
    for row in await persons.particulars(tx.db, children, [BIRTH_DATE, ID_NUMBER]):
        text = vault.key(row.owner_id, row.key_version, row.wrapped).open(row.table, row.id, row.field, row.sealed)
        if row.field == BIRTH_DATE:
            told[row.owner_id] = date.fromisoformat(text)
        elif (born := birth_of(text)) is not None:
            by_number[row.owner_id] = born
    return {**by_number, **told}
