"""Labels and time limits as the policy file writes them."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator


class Section(BaseModel):
    """Shape of everything read from the policy file: frozen, and a key nobody declared is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Section):
    """A text in both languages; Chinese is the primary one."""

    zh: str
    en: str


class Limit(Section):
    """How long something may take: elapsed time (H24) or working days (WD), with an optional cap in calendar days."""

    clock: Literal["H24", "WD"]
    seconds: int | None = None
    minutes: int | None = None
    hours: int | None = None
    days: int | None = None
    cap_days: int | None = None
    meaning: str | None = None
    default: bool = False

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        given = [amount for amount in (self.seconds, self.minutes, self.hours, self.days) if amount is not None]
        if len(given) != 1 or given[0] < 0:
            raise ValueError("a limit has exactly one amount, not below zero")
        if self.clock == "WD" and self.days is None:
            raise ValueError("a WD limit counts days")
        if self.clock == "H24" and self.cap_days is not None:
            raise ValueError("only WD limits are capped")
        return self


def elapsed(limit: Limit) -> timedelta:
    """The elapsed time of an H24 limit."""
    return timedelta(
        seconds=limit.seconds or 0, minutes=limit.minutes or 0, hours=limit.hours or 0, days=limit.days or 0
    )


class ZonedLimit(Section):
    """A limit that depends on the zone of the place (town, outskirts, rural)."""

    by_zone: dict[str, Limit]


class SameAs(Section):
    """A limit that another step has already stated."""

    same_as: str
    default: bool = False


def _strings(value: Any) -> Any:
    return [str(item) for item in value] if isinstance(value, list) else value


Basis = Annotated[tuple[str, ...], BeforeValidator(_strings)]
"""Requirement ids and source keys; YAML reads some of them as dates or numbers."""
