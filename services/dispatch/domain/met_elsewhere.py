"""Steps that were met, started or ended by what another service announced: notices (S7), plan (S9), visit (S10), closure (S12)."""

from datetime import datetime

from contracts.dispatch import StepsMet
from services.dispatch.domain import announce
from services.dispatch.domain.response import ResponseFile


def steps_met(before: ResponseFile, after: ResponseFile, cause_type: str, at: datetime) -> StepsMet | None:
    """What became of the clocks between two states of a response; None where nothing did."""
    finished = after.finished[len(before.finished) :]
    known = {clock.id for clock in before.clocks}
    started = [clock for clock in after.clocks if clock.id not in known]
    if not finished and not started:
        return None
    return StepsMet.model_validate(
        {
            "case_id": after.case_id,
            "case_number": after.case_number,
            "township": after.township,
            "response_id": after.response_id,
            "response_no": after.response_no,
            "level": after.level,
            "cause_type": cause_type,
            "met": announce.met(finished),
            "deadlines": tuple(announce.armed(clock) for clock in started),
            "cancelled": announce.cancelled(finished),
            "at": at,
        }
    )
