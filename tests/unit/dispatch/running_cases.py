"""Golden reports as running responses, for tests of what changes them. Everybody is invented."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from contracts.vocabulary import Place
from services.dispatch.domain.commands import Setting
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.response import Referral, ResponseFile
from services.dispatch.domain.units import township_of
from tests.integration.dispatch.story import scored, township
from tests.samples.golden import CALENDAR, POLICY

TOWNSHIP = township_of(township())


@cache
def response_to(name: str, *, unknown_place: bool = False) -> ResponseFile:
    """The response to a golden report, one minute after it came in."""
    data = scored(name)
    if unknown_place:
        assert data.report is not None
        data = data.model_copy(update={"report": data.report.model_copy(update={"place": Place()})})
    return open_response(data, UUID(int=9), data.effective_at + timedelta(minutes=1), TOWNSHIP, POLICY, CALENDAR)


def setting(now: datetime, number: int = 0) -> Setting:
    return Setting(now, UUID(int=1000 + number), POLICY, CALENDAR)


def of(file: ResponseFile, department: str) -> Referral:
    found = file.referral_of(department)
    assert found is not None
    return found


def signed(file: ResponseFile, department: str, *, completed: bool = False) -> ResponseFile:
    """The response after a department signed, and finished where asked for, at the moment of dispatch."""
    at = file.dispatched_at
    referral = replace(of(file, department), acknowledged_at=at, state="completed" if completed else "acknowledged")
    done = file.running("S4", "task", recipient=department) if completed else file.running("S4", recipient=department)
    return file.finish(done, at).with_referral(referral)
