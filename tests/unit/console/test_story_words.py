"""Whatever can stand in a case's story has a name in both languages."""

from contracts.catalogue import TYPES
from services.console.web.events import EVENTS
from services.intake.service import SERVICE


def test_every_event_that_intake_notes_has_words() -> None:
    noted = {payload.TYPE.rpartition(".v")[0] for payload in SERVICE.handlers if "case_id" in payload.model_fields}
    assert noted - EVENTS.keys() == set()


def test_no_words_are_left_over() -> None:
    known = {name.rpartition(".v")[0] for name in TYPES}
    assert EVENTS.keys() - known == {"note.written"}
