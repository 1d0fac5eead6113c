"""Which pages there are, and who is offered which."""

from dataclasses import dataclass

from contracts.access import Subject, may


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu. `action` opens it; `title` is a message of the catalogue."""

    address: str
    title: str
    icon: str
    action: str


ENTRIES = (
    Entry("/desk", "接报台", "phone-call", "contact.list"),
    Entry("/inbox", "工单", "list", "referral.list"),
    Entry("/board", "督办看板", "layout-dashboard", "indicator.read"),
    Entry("/cases", "个案", "folder-open", "case.list"),
    Entry("/registers", "台账", "file-text", "register.read"),
    Entry("/admin", "管理", "settings", "admin.open"),
)
"""In the order of the menu."""


def menu(subject: Subject) -> tuple[Entry, ...]:
    """What this person is offered."""
    return tuple(entry for entry in ENTRIES if may(subject, entry.action))


def home(subject: Subject) -> str:
    """Where a person's day begins."""
    if subject.hotline:
        return "/desk"
    if subject.grid_only or subject.department == "village_committee":
        return "/m"
    if subject.supervises:
        return "/board"
    entries = menu(subject)
    return entries[0].address if entries else "/help"
