"""The policy's section `programme`: phases, trainings, publicity, activities, stations, roster watch and appraisals."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.policy.limits import Basis, Label, Limit, Section

Month = Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class Phase(Section):
    """A phase of the programme by its first and last month (D-6.1 to D-6.3). History: no route and no clock asks for it."""

    code: str
    label: Label
    first: Month = Field(alias="from")
    last: Month = Field(alias="to")
    basis: Basis = ()

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.last < self.first:
            raise ValueError("a phase ends no earlier than it begins")
        return self


class Choice(Section):
    """One code that a record may carry."""

    code: str
    label: Label
    basis: Basis = ()


class Yearly(Section):
    """The months of a year in which every child is screened again, and the year is summed up."""

    rescreen_months: tuple[int, ...]
    summary_months: tuple[int, ...]


class Training(Section):
    """How much training is wanted (D-4.8.1, D-4.8.2): per village, and of each topic in the township."""

    per_village_per_year: int
    each_topic_per_year: int
    topics: tuple[Choice, ...]
    audiences: tuple[Choice, ...] = ()


class RosterWatch(Section):
    """How far ahead rosters are searched for hours with nobody on duty, and how often an open gap is announced again."""

    look_ahead_days: int = 14
    repeat: Limit = Limit(clock="H24", hours=24)
    default: bool = True


class Ground(Section):
    """Why a unit or person is commended (D-4.9.2) or criticised (D-4.9.3)."""

    code: str
    sign: Literal["positive", "negative"]
    label: Label
    basis: Basis = ()
    default: bool = False


class AppraisalRule(Section):
    """Scorecards and records. `reply_right`: how long the criticised unit may answer before the record becomes final."""

    every_months: int
    per: tuple[str, ...]
    content: tuple[str, ...]
    records: tuple[Literal["positive", "negative"], ...]
    reply_right: Limit
    grounds: tuple[Ground, ...] = ()


class Programme(Section):
    """The section."""

    phases: tuple[Phase, ...]
    yearly: Yearly
    training: Training
    publicity: tuple[Choice, ...] = ()
    activities: tuple[Choice, ...] = ()
    station_services: tuple[Choice, ...] = ()
    rosters: RosterWatch = RosterWatch()
    appraisal: AppraisalRule
