"""The child is elsewhere: an amendment or a later report says so, and the village's part follows the child (D-4.2.2).

The clocks of the scene are the child's: they keep their deadlines at the new unit, late ones stay late. A tier that came
to the wrong place has not seen the child; it goes out again, with its limit from the moment the right place was known.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from contracts.vocabulary import Place
from services.dispatch.domain.clocks import VILLAGE
from services.dispatch.domain.handover import ended, start_missing
from services.dispatch.domain.response import Referral, ResponseFile, identity
from services.dispatch.domain.units import Township, settled_place

ARRIVAL_STEPS = ("S5a", "S5b")
PLACE_CHANGED, EVENT = "place_changed", "event"


def at_place(
    file: ResponseFile,
    place: Place,
    township: Township,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The response with the child where it is said to be now. A place that names no village of the township changes
    nothing: the last known one is better than none. `file.finished` must be loaded."""
    settled = settled_place(place, township)
    unit = township.committees.get(settled.village or "")
    if unit is None:
        return file
    if settled.village == file.place.village and settled.group is None:
        zone = place.zone or file.place.zone
        settled = settled.model_copy(update={"group": file.place.group, "zone": zone})
    moved = replace(file, place=settled, units={**file.units, VILLAGE: unit})
    held = moved.referral_of(VILLAGE)
    if held is not None and held.organisation != unit:
        moved = _reissued(moved, held, unit, now, cause, policy, calendar)
    return _out_again(file, moved, now, cause, policy, calendar)


def _reissued(
    file: ResponseFile,
    held: Referral,
    unit: str,
    now: datetime,
    cause: UUID,
    policy: Policy,
    calendar: WorkingCalendar,
) -> ResponseFile:
    """The village's part at the unit of the right village, to be signed for there; the other unit's part ends."""
    fresh = Referral(
        referral_id=identity(cause, "referral", VILLAGE),
        department=VILLAGE,
        organisation=unit,
        role=held.role,
        state="issued",
        children=held.children,
        because=held.because,
        concerns=held.concerns,
        issued_at=now,
        masked=held.masked,
        tasks=held.tasks,
        notice_post=held.notice_post,
    )
    file = ended(file, held, now, PLACE_CHANGED).with_referral(fresh)
    return start_missing(file, fresh, now, cause, policy, calendar) if fresh.has_task else file


def _out_again(
    before: ResponseFile, file: ResponseFile, now: datetime, cause: UUID, policy: Policy, calendar: WorkingCalendar
) -> ResponseFile:
    if file.first_contact_at is not None or file.restricted or file.blocked:
        return file
    village_moved = file.place.village != before.place.village
    moved = {"S5a": village_moved or file.place.group != before.place.group, "S5b": village_moved}
    met = {one.clock.deadline.step for one in file.finished if one.state == "met"}
    for step in ARRIVAL_STEPS:
        if moved[step] and step in met and not file.running(step):
            file = file.start(step, now, cause, policy, calendar)
            clock = file.clocks[-1]
            again = replace(clock, deadline=replace(clock.deadline, anchor=EVENT))
            file = replace(file, clocks=(*file.clocks[:-1], again))
    return file
