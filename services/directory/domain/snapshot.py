"""The township as other services know it: codes and staff ids, no name, no telephone number."""

from uuid import UUID

from contracts import directory as published
from services.directory.domain.township import DUTY_LEADER, DUTY_ROOM, OUTSIDE_KINDS, Organisation, Override, Township


def snapshot(township: Township, version: int, publication_id: UUID) -> published.TownshipPublished:
    """What to announce of this state of the township."""
    posts: dict[str, tuple[str, ...]] = {}
    for holder in township.holders:
        posts[holder.post] = (*posts.get(holder.post, ()), holder.staff)
    hotline = next((unit.code for unit in township.organisations if unit.kind == "hotline"), "")
    return published.TownshipPublished(
        township=township.code,
        version=version,
        villages=_villages(township),
        groups=tuple(
            published.Group(
                code=group.code,
                no=group.no,
                village=group.village,
                zone=group.zone,
                grid=group.grid,
                member=group.member,
                deputy=group.deputy,
            )
            for group in township.groups
        ),
        organisations=tuple(
            _organisation(township, unit) for unit in township.organisations if unit.kind not in OUTSIDE_KINDS
        ),
        posts=posts,
        duty_leader=township.roster(DUTY_LEADER).shifts,
        duty_room=township.roster(DUTY_ROOM).shifts,
        hotline_shifts=township.roster(hotline).shifts,
        policy_version=township.policy_version,
        publication_id=publication_id,
        overrides=tuple(_override(township, one) for one in township.overrides),
        providers=tuple(
            published.Provider(code=one.code, kind=one.kind, area=one.area, services=one.services)
            for one in township.providers
        ),
        stations=tuple(
            published.Station(code=one.code, village=one.village, staff=one.staff, services=one.services)
            for one in township.stations
        ),
    )


def _override(township: Township, one: Override) -> published.ShiftOverride:
    # Who left the township since is on no duty: an hour that counted on them alone is an hour with nobody.
    staff = tuple(who for who in one.staff if township.member(who) is not None)
    return published.ShiftOverride(roster=one.roster, starts_at=one.starts_at, ends_at=one.ends_at, staff=staff)


def _villages(township: Township) -> tuple[published.Village, ...]:
    return tuple(
        published.Village(
            code=village.code,
            zone=village.zone,
            organisation=village.organisation,
            director=village.director,
            child_director=village.child_director,
            responsible=village.responsible,
            grid_heads=tuple(
                holder.staff
                for holder in township.holders
                if holder.post == "grid_head" and village.code in holder.villages
            ),
        )
        for village in township.villages
    )


def _organisation(township: Township, unit: Organisation) -> published.Organisation:
    return published.Organisation(
        code=unit.code,
        department=unit.department,
        kind=unit.kind,
        area=unit.area,
        head=unit.head,
        staff=unit.staff,
        grades=unit.grades,
        shifts=township.roster(unit.code).shifts,
    )
