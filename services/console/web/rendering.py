"""Templates to HTML: the Jinja environment, the two languages, and how codes, times and clocks are worded."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from contracts.policy import Label, Policy, load_calendar, load_policy, policy_in_force, policy_versions
from services.console.web import navigation
from services.console.web.events import EVENTS

if TYPE_CHECKING:
    from services.console.web.page import Page

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
WORDING = ROOT / "wording"


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language, one file for each area of the pages. Chinese is the templates' own language."""
    whole = Catalog(locale=language)
    for path in sorted((WORDING / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    whole.add(message.id, message.string)
    if not len(whole):
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return Translations(compiled)


@cache
def environment(language: str) -> Environment:
    """Templates in one language. A name that nobody gave is an error, not an empty place."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    made.globals |= {"static": static, "icon": icon, "language": language}
    made.filters |= {
        "concern_word": lambda code, word: word("concern", code),
        "moment": moment,
        "warn_at": warn_at,
        "day": day,
        "masked": masked,
    }
    return made


def render(template: str, page: "Page", content: Mapping[str, Any], block: str | None = None) -> str:
    """A template with what every page knows; with `block`, only that block."""
    made = environment(page.language)
    known = {
        "page": page,
        "subject": page.subject,
        "csrf": page.session.csrf,
        "now": page.now,
        "path": page.request.url.path,
        "menu": navigation.menu(page.subject),
        "word": Wording(page.language),
        **content,
    }
    found = made.get_template(template)
    if block is None:
        return found.render(known)
    context = found.new_context(known)
    next(found.root_render_func(context))  # up to its first text: a block alone would not see what its template imports
    return "".join(found.blocks[block](context))


BESIDE_POLICY = {("step", "task"): ("部门任务办结", "Department's task")}
"""Codes of the product itself that people read."""


class Wording:
    """Codes of the policy as people say them: `word("level", "red")`. An unknown code is shown as it is."""

    def __init__(self, language: str, policy: Policy | None = None) -> None:
        self._language = language
        self._policy = policy

    def __call__(self, kind: str, code: str | None) -> str:
        if code is None:
            return ""
        if (kind, code) in BESIDE_POLICY:
            return BESIDE_POLICY[kind, code][0 if self._language == "zh" else 1]
        policy = self._policy or newest_policy()
        try:
            label = policy.label(kind, code)
        except (KeyError, LookupError):
            return code
        return label.zh if self._language == "zh" else label.en

    def added(self, code: str) -> str:
        """A reason of the policy's `routing.added`."""
        rules = newest_policy().routing.added
        found = {one.code: one.label for one in (*rules.add_reasons, *rules.revoke_reasons, *rules.safety_tasks)}
        return self._said(found[code]) if code in found else code

    def target(self, code: str) -> str:
        """A post or department that is told of something."""
        said = self("post", code)
        return said if said != code else self("department", code)

    def event(self, type_name: str) -> str:
        """What an entry of a case's story is called."""
        words = EVENTS.get(type_name.rpartition(".v")[0] or type_name)
        return type_name if words is None else words[0 if self._language == "zh" else 1]

    def _said(self, label: Label) -> str:
        return label.zh if self._language == "zh" else label.en


@cache
def newest_policy() -> Policy:
    """The newest policy: its words are used for everything on the pages."""
    return load_policy(policy_versions()[-1])


def policy_now(page: "Page") -> Policy:
    """The policy in force today."""
    return policy_in_force(page.now.astimezone(load_calendar().zone).date())


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]


def static(name: str) -> str:
    """The address of a static file; it changes with the content, so browsers may keep it for ever."""
    return f"/ui/static/{name}?v={_fingerprint(name)}"


def icon(name: str) -> Markup:
    """A small picture beside a word; never the word's only carrier."""
    sprite = static("vendor/lucide-1.62.0-sprite.svg")
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>').format(
        sprite, name
    )


def _local(value: datetime | str) -> datetime:
    parsed = datetime.fromisoformat(value) if isinstance(value, str) else value
    return parsed.astimezone(load_calendar().zone)


_WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}


def moment(value: datetime | str | None) -> str:
    """`2026-11-24 10:32`, Asia/Shanghai, 24 hours."""
    return "" if value is None else _local(value).strftime("%Y-%m-%d %H:%M")


def warn_at(due: str | None, start: str | None) -> str | None:
    """When a clock turns amber: a quarter of its time is left."""
    if due is None or start is None:
        return None
    end = datetime.fromisoformat(due)
    return (end - (end - datetime.fromisoformat(start)) / 4).isoformat()


def day(value: datetime | str | None, language: str = "zh") -> str:
    """`2026-11-24（周二）`."""
    if value is None:
        return ""
    local = _local(value)
    weekday = _WEEKDAYS[language][local.weekday()]
    return f"{local:%Y-%m-%d}（{weekday}）" if language == "zh" else f"{local:%Y-%m-%d} ({weekday})"


def masked(name: str | None) -> str:
    """Surname and asterisk (policy `data_protection.masking`)."""
    return f"{name[0]}*" if name else ""
