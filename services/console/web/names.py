"""What codes of villages, groups, organisations and staff are called. The directory knows; the answer is kept a minute."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chassis.clock import monotonic

if TYPE_CHECKING:
    from services.console.web.page import Page

KEPT_SECONDS = 60.0
CACHE = "names"


@dataclass(frozen=True, slots=True)
class Names:
    """Labels by code, in one language. An unknown code is its own name: a page never fails for a missing label."""

    areas: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)
    staff: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Village → its groups as (code, label)."""
    villages: tuple[tuple[str, str], ...] = ()

    def area(self, code: str | None) -> str:
        """A village or group."""
        return self.areas.get(code, code) if code else ""

    def organisation(self, code: str | None) -> str:
        """A unit."""
        return self.organisations.get(code, code) if code else ""

    def person(self, staff: str | None) -> str:
        """A member of the staff."""
        return self.staff.get(staff, staff) if staff else ""


async def names_for(page: "Page") -> Names:
    """The names of the reader's township in the reader's language."""
    kept = page.request.app.state.runtime.resources.setdefault(CACHE, {})
    mark = page.subject.township, page.language
    found = kept.get(mark)
    if found is not None and monotonic() - found[0] < KEPT_SECONDS:
        names: Names = found[1]
        return names
    areas, organisations = (
        await page.get("directory", "/api/v1/areas"),
        await page.get("directory", "/api/v1/organisations"),
    )
    if not (areas.ok and organisations.ok):
        return found[1] if found is not None else Names()
    everybody = await page.get("directory", "/api/v1/staff", limit=200)
    people = everybody.body["items"] if everybody.ok else []
    names = _names(areas.body["items"], organisations.body["items"], people, page.language)
    kept[mark] = monotonic(), names
    return names


def _names(areas: list[Any], organisations: list[Any], everybody: list[Any], language: str) -> Names:
    label: dict[str, str] = {}
    groups: dict[str, tuple[tuple[str, str], ...]] = {}
    for area in areas:
        label[area["code"]] = area["label"][language]
        label |= {group["code"]: group["label"][language] for group in area["groups"]}
        groups[area["code"]] = tuple((group["code"], group["label"][language]) for group in area["groups"])
    # A unit's own list names only those on its roster; the staff as a whole also those who hold a post, as duty leaders do.
    people = {one["id"]: one["name"] for one in everybody}
    people |= {one["id"]: one["name"] for unit in organisations for one in unit["staff"]}
    return Names(
        areas=label,
        organisations={unit["code"]: unit["label"][language] for unit in organisations},
        staff=people,
        groups=groups,
        villages=tuple((area["code"], area["label"][language]) for area in areas),
    )
