"""Folding events into facts: one function per event type, pure, by producing service."""

from collections.abc import Iterator, Mapping

from contracts.envelope import Event, Payload
from services.console.folding import assistance, case, dispatch, township
from services.console.writing import Change, Fold

FOLDS: Mapping[type[Payload], Fold] = {**case.FOLDS, **dispatch.FOLDS, **assistance.FOLDS, **township.FOLDS}
"""Every type the console listens to."""


def changes_of(event: Event, round_no: int) -> Iterator[Change]:
    """What an event says about the read model."""
    yield from FOLDS[type(event.data)](event, round_no)
