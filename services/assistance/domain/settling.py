"""Where each child of a case lives for good, as its placements tell: what still keeps the case from being closed (policy
`closure.all_of` placement)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from services.assistance.domain.placement import HOME, Placement

OVER = frozenset({"transferred", "adopted", "aged_out", "deceased"})
"""Ends of a placement after which nobody here places the child any more."""


def unsettled(placements: Iterable[Placement], now: datetime, days: int) -> tuple[str, ...] | None:
    """What is not settled, as codes (`placed:P5`, `home_since:...`, `waiting:P2`, `ran_away`); None: nobody was placed.

    A child is settled where its placement is permanent, where it has been home for `days`, or where another government
    or family took it over.
    """
    of_child: dict[UUID, list[Placement]] = {}
    for one in placements:
        of_child.setdefault(one.child_id, []).append(one)
    placed = {child: own for child, own in of_child.items() if any(one.started_at or one.waiting for one in own)}
    if not placed:
        return None
    return tuple(code for own in placed.values() for code in _lacks(own, now, days))


def _lacks(own: list[Placement], now: datetime, days: int) -> list[str]:
    waiting = [f"waiting:{one.kind}" for one in own if one.waiting]
    began = [one for one in own if one.started_at is not None]
    last = max(began, key=lambda one: one.started_at or now, default=None)
    if last is None or last.end_cause in OVER or last.permanent_since is not None:
        return waiting
    if last.current and last.kind != HOME:
        return [*waiting, f"placed:{last.kind}"]
    if not last.current and last.end_cause != "returned_home":
        return [*waiting, last.end_cause or last.state]
    home_since = last.started_at if last.current else last.ended_at
    never_away = all(one.kind == HOME for one in began)
    if never_away or home_since is None or now - home_since >= timedelta(days=days):
        return waiting
    return [*waiting, f"home_since:{home_since.isoformat()}"]
