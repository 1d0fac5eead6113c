"""What dispatch keeps: tables, rows as values and back, clocks as the engine's deadlines, and the statements."""

from services.dispatch.store.amendments import keep_waiting, take_waiting, without_response
from services.dispatch.store.statements import (
    Change,
    finished_rows,
    keep_townships,
    open_responses,
    referral_rows,
    response_of_referral,
    save,
    townships,
)

__all__ = [
    "Change", "finished_rows", "keep_townships", "keep_waiting", "open_responses", "referral_rows", "response_of_referral",
    "save", "take_waiting", "townships", "without_response",
]  # fmt: skip
