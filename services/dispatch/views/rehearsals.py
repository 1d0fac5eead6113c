"""Dry runs and the coverage of rosters, as readers see them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from services.dispatch.domain.coverage import Coverage, Gap, PostCoverage, RosterCoverage
from services.dispatch.domain.rehearsal import Told
from services.dispatch.domain.response import ResponseFile


class RehearsedReferral(BaseModel):
    """A department's part."""

    department: str
    organisation: str
    role: str
    because: list[str]


class RehearsalView(BaseModel):
    """Who would be told, when and of what, if from `since` on nobody acted. Nothing was written.

    `unanswered` are the tellings that reach no person of the target, with whoever is told instead.
    """

    case_id: UUID | None
    level: str
    restricted: bool
    case_lead: str | None
    coordinator: str | None
    referrals: list[RehearsedReferral]
    not_created: dict[str, str]
    since: datetime
    timeline: list[Told]
    unanswered: list[Told]
    policy_version: str


class CoverageView(BaseModel):
    """Rosters and posts of a township between two moments, against one policy version.

    Each roster's stretches cover the whole window. `gaps` must be mended; a `covered` one still reaches its own unit.
    """

    township: str
    starts_at: datetime
    ends_at: datetime
    policy_version: str
    publication_version: int
    covered: bool
    gaps: list[Gap]
    rosters: list[RosterCoverage]
    posts: list[PostCoverage]


def rehearsal_view(file: ResponseFile, case_id: UUID | None, since: datetime, told: tuple[Told, ...]) -> RehearsalView:
    """A dry run of a response."""
    return RehearsalView(
        case_id=case_id,
        level=file.level,
        restricted=file.restricted,
        case_lead=file.case_lead,
        coordinator=file.coordinator,
        referrals=[
            RehearsedReferral(
                department=one.department, organisation=one.organisation, role=one.role, because=list(one.because)
            )
            for one in file.referrals
            if one.state != "ended"
        ],
        not_created=file.not_created,
        since=since,
        timeline=list(told),
        unanswered=[one for one in told if one.standing == "nobody"],
        policy_version=file.policy_version,
    )


def coverage_view(
    found: Coverage, township: str, publication: int, starts_at: datetime, ends_at: datetime, policy_version: str
) -> CoverageView:
    """A coverage check."""
    return CoverageView(
        township=township,
        starts_at=starts_at,
        ends_at=ends_at,
        policy_version=policy_version,
        publication_version=publication,
        covered=not found.open_gaps,
        gaps=list(found.gaps),
        rosters=list(found.rosters),
        posts=list(found.posts),
    )
