"""What all sections share: their menu, whole lists of an owner, and forms that are shown again with what was typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request, Response

from chassis.clock import new_uuid7
from services.console.owners import Answer
from services.console.web.page import Page

Done = Annotated[str, Query(max_length=20)]
"""What a form before this page has done; the page says so."""
CONFLICTS = frozenset({409, 412})
AT_ONCE = 200
PAGES_MAX = 10
"""A list is read to its end, up to this many pages; a township has far fewer people and accounts."""


def _(text: str) -> str:
    """Marks a message for the catalogue; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `action` opens it."""

    address: str
    title: str
    action: str


SECTIONS = (
    Section("/admin", _("运行状况"), "admin.open"),
    Section("/admin/parked", _("搁置的事件"), "ops.parked"),
    Section("/admin/directory", _("组织机构"), "admin.open"),
    Section("/admin/accounts", _("账号与接口"), "account.write"),
    Section("/admin/rosters", _("值班表"), "roster.write"),
    Section("/admin/policies", _("策略版本"), "policy.what_if"),
    Section("/admin/rehearsal", _("升级演练"), "escalation.rehearse"),
    Section("/admin/deliveries", _("送达台账"), "notice.ledger"),
    Section("/admin/audit", _("查阅审计"), "audit.read"),
    Section("/admin/calendar", _("工作日历"), "admin.open"),
    Section("/developers", _("接口对接"), "session.own"),
)
"""In the order of the menu."""


def show(
    page: Page, template: str, content: Mapping[str, Any], *, refusal: Answer | None = None, done: str = ""
) -> Response:
    """A section; to htmx only its body. A refused form comes back with the refusal above it, `done` says what was done."""
    known = {
        "sections": [one for one in SECTIONS if page.may(one.action)],
        "key": str(new_uuid7()),
        "refusal": refusal,
        "moved_on": refusal is not None and refusal.status in CONFLICTS,
        "done": done,
        **content,
    }
    # A refused form is answered with 200 to htmx, which would else not know that this is still the form's own page.
    status = 200 if refusal is None or page.fragment else refusal.status
    return page.show(f"admin/{template}", known, block="body" if page.fragment else None, status=status)


async def everything(page: Page, owner: str, path: str, **parameters: Any) -> list[Any]:
    """A list to its end. Raises OwnerRefused."""
    found: list[Any] = []
    cursor = None
    for _turn in range(PAGES_MAX):
        body = (await page.get(owner, path, **parameters, limit=AT_ONCE, cursor=cursor)).must()
        found += body["items"]
        cursor = body["next_cursor"]
        if cursor is None:
            break
    return found


async def typed_in(request: Request) -> dict[str, str]:
    """The fields of a form, without spaces around them."""
    return {name: str(value).strip() for name, value in (await request.form()).items()}


def version_of(form: Mapping[str, str]) -> int | None:
    """The version the form was filled in on."""
    return int(form["version"]) if form.get("version", "").isdigit() else None
