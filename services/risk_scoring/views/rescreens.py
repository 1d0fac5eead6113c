"""Rescreens as people read them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from contracts.vocabulary import Actor


class RescreenView(BaseModel):
    """A township's rescreen of a month. `lower`: cases that score below their level, which only two persons lower;
    `tasks`: cases that a person must look at."""

    rescreen_id: UUID
    period: str
    policy_version: str
    total: int
    done: int
    raised: int
    lower: int
    tasks: int
    started_by: Actor
    started_at: datetime
    finished_at: datetime | None


def rescreen_view(row: Mapping[str, Any]) -> RescreenView:
    """A rescreen for a reader."""
    return RescreenView(**row)
