"""Intake's routes, by what they are about."""

from services.intake.api import (
    amendments,
    calls,
    cases,
    children,
    contacts,
    families,
    file,
    persons,
    previews,
    receipts,
    registers,
    reports,
    supervision,
    surveys,
    tags,
    transfers,
)

ROUTERS = (
    previews.router,
    reports.router,
    supervision.router,
    cases.router,
    file.router,
    receipts.router,
    persons.router,
    families.router,
    amendments.router,
    contacts.router,
    calls.router,
    transfers.router,
    tags.router,
    registers.router,
    children.router,
    surveys.router,
)
"""Supervision stands before cases: `/cases/access-reviews` is an address of its own, not a case."""
