"""Who turned 18: once an hour the birth dates that may be due are opened, so that no birthday stands outside the vault."""

from datetime import date, datetime, time
from uuid import UUID

from chassis.service import Runtime
from chassis.transaction import Transaction
from services.intake.domain.adulthood import adult_on
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.store import persons
from services.intake.vault import Vault

BIRTH_DATE = "birth_date"
BATCH = 500
_DUE = """
SELECT child_id, age, age_on, facts->>'age_estimated' = 'true' AS estimated FROM registered_child
WHERE adult_at IS NULL AND age IS NOT NULL AND age_on + make_interval(years => greatest(17 - age, 0)) <= $1::date
  AND child_id > $2
ORDER BY child_id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
"""Children who may be 18: seventeen full years old by what is stated, or more."""


async def work(runtime: Runtime) -> None:
    """Note who turned 18, some hundred children a commit."""
    office: Office = runtime.resources["office"]
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with runtime.database.transaction() as tx:
            after = await note_birthdays(tx, office.vault, after)


async def note_birthdays(tx: Transaction, vault: Vault, after: UUID) -> UUID | None:
    """The next children behind `after`. Returns where to go on, None at the end."""
    today = tx.now.astimezone(ZONE).date()
    rows = await tx.db.fetch(_DUE, today, after, BATCH)
    born = await _births(tx, [row["child_id"] for row in rows], vault)
    adults: list[tuple[UUID, datetime]] = []
    for row in rows:
        on = adult_on(born.get(row["child_id"]), row["age"], row["age_on"], estimated=bool(row["estimated"]))
        if on is not None and on <= today:
            adults.append((row["child_id"], datetime.combine(on, time(), ZONE)))
    if adults:
        await tx.db.execute(
            """
            UPDATE registered_child r SET adult_at = n.at, updated_at = $3, version = r.version + 1
            FROM unnest($1::uuid[], $2::timestamptz[]) AS n(child_id, at) WHERE r.child_id = n.child_id
            """,
            [child_id for child_id, _ in adults],
            [at for _, at in adults],
            tx.now,
        )
    return rows[-1]["child_id"] if len(rows) == BATCH else None


async def _births(tx: Transaction, children: list[UUID], vault: Vault) -> dict[UUID, date]:
    found = {}
    for row in await persons.particulars(tx.db, children, [BIRTH_DATE]):
        key = vault.key(row.owner_id, row.key_version, row.wrapped)
        found[row.owner_id] = date.fromisoformat(key.open(row.table, row.id, row.field, row.sealed))
    return found
