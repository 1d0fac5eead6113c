"""The console's tables, declared by topic; the base that its migrations compare with."""

from services.console.store import archive, drafts, facts, hints, sessions
from services.console.store.tables import Table

__all__ = ["Table", "archive", "drafts", "facts", "hints", "sessions"]
