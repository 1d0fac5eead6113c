"""The story of a case: one entry for each thing that happened, in codes. Pure, one reading per event type.

An entry is placed by when it happened, then by when this service learnt of it.
"""

from services.intake.timeline import assistance, response, scoring
from services.intake.timeline.entry import NOTE_WRITTEN, Entry, timeline_entry
from services.intake.timeline.intake import callback_entry, note_entry, overdue_entry, report_entry

__all__ = [
    "NOTE_WRITTEN",
    "Entry",
    "assistance",
    "callback_entry",
    "note_entry",
    "overdue_entry",
    "report_entry",
    "response",
    "scoring",
    "timeline_entry",
]
