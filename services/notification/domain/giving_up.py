"""What happens to a message that its channel refused too often: another way to the same person, the next person on the
roster, and in any case the duty room. Pure.
"""

from collections.abc import Iterator, Mapping

from contracts.access import GOVERNMENT
from services.notification.domain.delivery import Sent, Waiting
from services.notification.domain.duty import Scene
from services.notification.domain.message import APP, CALL, SMS, Message

OTHER_WAYS = (CALL, SMS)


def undelivered(scene: Scene, level: str, codes: Mapping[str, str]) -> tuple[Message, ...]:
    """A message could not be delivered: the person in the duty room must call; nobody there, the government's queue. In
    the app only, since the way out is what failed.
    """
    (desk,) = scene.desks("duty_room")
    people = desk.people or scene.township.posts.get("duty_room", ())
    if people:
        return (Message("delivery_failed", "staff", people[0], (APP,), level, "duty_room", codes),)
    return tuple(
        Message("delivery_failed", "organisation", unit.code, (APP,), level, "duty_room", codes)
        for unit in scene.units(GOVERNMENT)
    )


def instead(failed: Waiting, sent: Sent, scene: Scene) -> Iterator[Message]:
    """The message that stands in for one a person did not get: by a way not yet tried, else to the next on the roster.

    At most one other person for one notice, however many of its channels fail; that person's own failure goes on to the
    next, until everybody on the roster was tried.
    """
    if failed.recipient_kind != "staff" or sent.handed_on:
        return
    used = sent.tried.get(failed.recipient, frozenset())
    other = next((way for way in OTHER_WAYS if way not in used), None)
    if other is not None:
        yield _again(failed, sent, failed.recipient, (other,))
        return
    following = scene.next_after(failed.recipient, sent.tried)
    if following is not None:
        yield _again(failed, sent, following, (*OTHER_WAYS, APP))


def _again(failed: Waiting, sent: Sent, recipient: str, channels: tuple[str, ...]) -> Message:
    return Message(
        failed.kind, "staff", recipient, channels, failed.level, "sla.delivery", sent.codes, masked=sent.masked
    )
