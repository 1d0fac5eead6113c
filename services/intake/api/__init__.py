"""Intake's routes, by what they are about."""

from services.intake.api import cases, file, receipts, reports, supervision

ROUTERS = (reports.router, supervision.router, cases.router, file.router, receipts.router)
"""Supervision stands before cases: `/cases/access-reviews` is an address of its own, not a case."""
