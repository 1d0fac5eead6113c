"""What the directory shows, and to whom: names within the township, phones only to the own unit and the administrator."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import Subject
from contracts.directory import Shift
from contracts.policy import load_policy
from contracts.rosters import on_duty
from services.directory import store
from services.directory.domain.alerts import alerts
from services.directory.domain.identity import Account, masked
from services.directory.domain.places import find_places
from services.directory.domain.snapshot import snapshot
from services.directory.domain.township import Label, Line, StaffMember, Township
from services.directory.watching import NOT_ANNOUNCED, gaps_ahead, who_answers


class Townships:
    """The townships this process has read, as long as their versions have not moved."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[int, Township]] = {}

    async def get(self, db: Connection, code: str) -> tuple[int, Township] | None:
        """A township with its version, None when there is none."""
        version = await store.township_version(db, code)
        if version is None:
            return None
        kept = self._read.get(code)
        if kept is None or kept[0] != version:
            township = await store.load_township(db, code)
            if township is None:
                return None
            kept = self._read[code] = (version, township)
        return kept


class GroupView(BaseModel):
    """A villager group and its grid."""

    code: str
    no: int
    label: Label
    zone: str
    landmarks: Sequence[str]
    grid: str
    member: str | None
    deputy: str | None


class AreaView(BaseModel):
    """A village or community with its posts (staff ids) and groups."""

    code: str
    label: Label
    kind: str
    zone: str
    organisation: str
    director: str | None
    child_director: str | None
    responsible: str | None
    groups: list[GroupView]


class Areas(BaseModel):
    """All areas of the township; the list is complete."""

    township: str
    label: Label
    version: int
    items: list[AreaView]


class StaffBrief(BaseModel):
    """A staff member by id and name."""

    id: str
    name: str


class OrganisationView(BaseModel):
    """A unit with its head and staff."""

    code: str
    department: str | None
    kind: str
    label: Label
    area: str | None
    desk_phone: str | None
    head: StaffBrief | None
    staff: list[StaffBrief]
    grades: tuple[int, int] | None
    lines: Sequence[Line]


class Organisations(BaseModel):
    """Units of the township; the list is complete."""

    items: list[OrganisationView]


class StaffView(BaseModel):
    """A staff member. `phone` is masked but for the own unit and the administrator."""

    id: str
    name: str
    organisation: str
    posts: list[str]
    phone: str | None
    phone_masked: bool


class RosterView(BaseModel):
    """A weekly duty pattern in local time; a shift that ends at or before its start ends on the next day."""

    organisation: str
    version: int
    holidays: str
    shifts: Sequence[Shift]
    on_duty: list[StaffBrief]
    """Who is on duty now, in paging order."""
    available_actions: list[str]


class AlertView(BaseModel):
    """Something missing: `vacant_post` of a place, `empty_roster`, or `roster_gap` with its uncovered minutes a week."""

    kind: str
    post: str | None
    place: str
    minutes: int


class Alerts(BaseModel):
    """Everything missing in the township; the list is complete."""

    items: list[AlertView]


class GapView(BaseModel):
    """An hour ahead with nobody on duty (by pattern and overrides) or a vacant post. `fallback` answers meanwhile."""

    kind: str
    roster: str
    post: str | None
    starts_at: datetime | None
    ends_at: datetime | None
    fallback: Sequence[str]


class Gaps(BaseModel):
    """Every gap within the days the policy looks ahead; the list is complete."""

    look_ahead_days: int
    items: list[GapView]


class DeskView(BaseModel):
    """How to reach a unit."""

    code: str
    label: Label
    desk_phone: str | None


class PlaceView(BaseModel):
    """A name and the village and group it lies in."""

    kind: str
    label: Label
    village: str
    group: str | None
    zone: str


class Places(BaseModel):
    """The best matches, at most 20."""

    items: list[PlaceView]


class AccountView(BaseModel):
    """A login or an API client, without its secret."""

    name: str
    kind: str
    staff: str | None
    organisation: str | None
    posts: Sequence[str]
    scopes: Sequence[str]
    has_secret: bool
    disabled_at: datetime | None
    version: int


class SessionView(BaseModel):
    """Whose token this is."""

    account: str
    kind: str
    name: str | None
    staff: str | None
    organisation: str | None
    organisation_label: Label | None
    department: str | None
    posts: list[str]


def areas(township: Township, version: int) -> Areas:
    """The tree of villages and groups."""
    items = [
        AreaView(
            **village.model_dump(),
            groups=[
                GroupView.model_validate(group.model_dump())
                for group in township.groups
                if group.village == village.code
            ],
        )
        for village in township.villages
    ]
    return Areas(township=township.code, label=township.label, version=version, items=items)


def organisations(township: Township, kind: str | None, department: str | None) -> Organisations:
    """Units, of one kind or department or all."""
    units = (
        unit for unit in township.organisations if kind in {None, unit.kind} and department in {None, unit.department}
    )
    return Organisations(
        items=[
            OrganisationView(
                **unit.model_dump(exclude={"head", "staff", "lines"}),
                head=_brief(township, unit.head),
                staff=briefs(township, unit.staff),
                lines=unit.lines,
            )
            for unit in units
        ]
    )


def staff(person: StaffMember, subject: Subject) -> StaffView:
    """A staff member as this subject may see them."""
    open_ = "admin" in subject.posts or subject.organisation == person.organisation
    return StaffView(
        id=person.id,
        name=person.name,
        organisation=person.organisation,
        posts=list(person.posts),
        phone=person.phone if open_ else masked(person.phone),
        phone_masked=not open_ and person.phone is not None,
    )


def roster(township: Township, code: str, version: int, now: datetime, actions: list[str]) -> RosterView:
    """A roster and who is on duty at `now` (UTC)."""
    pattern = township.roster(code)
    names = on_duty(snapshot(township, 0, NOT_ANNOUNCED), code, now, ZoneInfo(township.timezone))
    return RosterView(
        organisation=code,
        version=version,
        holidays=pattern.holidays,
        shifts=pattern.shifts,
        on_duty=briefs(township, names),
        available_actions=actions,
    )


def missing(township: Township) -> Alerts:
    """Every alert of the township."""
    return Alerts(
        items=[
            AlertView(kind=alert.kind, post=alert.post, place=alert.place, minutes=alert.minutes)
            for alert in alerts(township)
        ]
    )


def gaps(township: Township, now: datetime) -> Gaps:
    """What a look at the rosters finds now."""
    return Gaps(
        look_ahead_days=load_policy(township.policy_version).programme.rosters.look_ahead_days,
        items=[GapView(**asdict(gap), fallback=who_answers(township, gap)) for gap in gaps_ahead(township, now)],
    )


def places(township: Township, query: str) -> Places:
    """Where the names containing `query` lie."""
    return Places(
        items=[
            PlaceView(kind=match.kind, label=match.label, village=match.village, group=match.group, zone=match.zone)
            for match in find_places(township, query)[:20]
        ]
    )


def account(value: Account) -> AccountView:
    """An account as the administrator sees it."""
    return AccountView(
        name=value.name,
        kind=value.kind,
        staff=value.staff,
        organisation=value.organisation,
        posts=value.posts,
        scopes=value.scopes,
        has_secret=value.secret_hash is not None,
        disabled_at=value.disabled_at,
        version=value.version,
    )


def session(township: Township, value: Account, subject: Subject) -> SessionView:
    """The holder of a token."""
    person = township.member(value.staff)
    unit = township.organisation(subject.organisation) or township.provider(subject.organisation)
    return SessionView(
        account=value.name,
        kind=value.kind,
        name=person.name if person else None,
        staff=value.staff,
        organisation=subject.organisation,
        organisation_label=unit.label if unit else None,
        department=subject.department,
        posts=sorted(subject.posts),
    )


def _brief(township: Township, staff_id: str | None) -> StaffBrief | None:
    person = township.member(staff_id)
    return StaffBrief(id=person.id, name=person.name) if person else None


def briefs(township: Township, ids: Sequence[str]) -> list[StaffBrief]:
    """The people of these ids that are still on the staff, in this order."""
    return [brief for one in ids if (brief := _brief(township, one)) is not None]
