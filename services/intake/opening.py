"""Opening a case for a surveyed child: the same way as any report, on the child that is on file already."""

from collections.abc import Mapping
from uuid import UUID

from chassis.problem import conflict
from chassis.transaction import Transaction
from contracts.access import VILLAGE, Subject
from services.intake.bodies import ChildBody, PlaceBody, ReportBody, ReporterBody, ReportReply
from services.intake.domain.children import AGE, AGE_ESTIMATED
from services.intake.domain.columns import VAULT_FIELDS
from services.intake.drafting import Office
from services.intake.recording import record
from services.intake.store import persons, tags

GRID, DEPARTMENT = "grid_app", "department"
"""Channels of the policy: a village hands in what its grid found, a department what it surveyed."""


async def open_case(
    tx: Transaction, child_id: UUID, subject: Subject, office: Office, *, channel: str | None, narrative: str | None
) -> ReportReply:
    """Report a child of a survey with everything the survey said. Raises Problem like `record`, and 409 when the child's
    file was erased."""
    child = (await tags.load_children(tx.db, [child_id]))[child_id]
    said = await _particulars(tx, child_id, office)
    if not said:
        raise conflict("identity_erased", "该档案已销毁，不能立案", "The file was erased; no case can be opened")
    from_village = subject.department == VILLAGE
    facts = dict(child.facts)
    if "birth_date" in said:  # the age follows from it on the day of receipt
        facts.pop(AGE, None)
        facts.pop(AGE_ESTIMATED, None)
    body = ReportBody(
        channel=channel or (GRID if from_village else DEPARTMENT),
        reporter=ReporterBody(kind="village_worker" if from_village else "state_organ"),
        place=PlaceBody(village=child.village, group=child.group_code),
        child=ChildBody.model_validate(dict(said)),
        narrative=narrative,
        concerns=tuple(child.concerns),
        facts=facts,
        answers=dict(child.answers),
    )
    return await record(tx, body, subject, office, on_file=child_id)


async def _particulars(tx: Transaction, child_id: UUID, office: Office) -> Mapping[str, str]:
    rows = await persons.particulars(tx.db, [child_id], VAULT_FIELDS)
    if not rows:
        return {}
    key = office.vault.key(child_id, rows[0].key_version, rows[0].wrapped)
    return {row.field: key.open(row.table, row.id, row.field, row.sealed) for row in rows}
