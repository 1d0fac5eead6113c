"""Tables of intake and the statements that write them. Reads for people are in `views`."""

from services.intake.store import contact_tables, milestones, person_tables, surveys, tables, tags

__all__ = ["contact_tables", "milestones", "person_tables", "surveys", "tables", "tags"]
"""Whoever needs one table gets them all: they share one metadata, and the migrations are compared with it."""
