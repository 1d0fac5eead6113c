"""Every message of the pages is there in English too, with the same placeholders, and nothing is translated in vain."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from services.console.web import entrance, navigation
from services.console.web.rendering import TEMPLATES, WORDING

EXTENSIONS = {"extensions": "jinja2.ext.do", "newstyle_gettext": "true"}


def messages_of(template: Path) -> Iterator[str]:
    with template.open("rb") as file:
        for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), [], EXTENSIONS):
            for part in message if isinstance(message, tuple) else (message,):
                if part:
                    yield part


def messages_of_code() -> Iterator[str]:
    """Messages that travel to the templates as values."""
    yield from (entry.title for entry in navigation.ENTRIES)
    yield from entrance.REFUSALS.values()
    for module in sorted((TEMPLATES.parent / "web").rglob("*.py")):
        yield from re.findall(r'\b_\(\s*"([^"]+)"', module.read_text(encoding="utf-8"))


def catalogue() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((WORDING / "en").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                if message.id:
                    assert not message.fuzzy, (path.name, message.id)
                    text = str(message.string)
                    assert found.setdefault(str(message.id), text) == text, (path.name, message.id)
    return found


def test_every_message_has_an_english_text_and_no_text_is_left_over() -> None:
    used = {message for template in TEMPLATES.rglob("*.html") for message in messages_of(template)}
    used |= set(messages_of_code())
    known = catalogue()
    assert sorted(message for message in used if not known.get(message)) == []
    assert sorted(known.keys() - used) == []


def test_placeholders_are_the_same_in_both_languages() -> None:
    for chinese, english in catalogue().items():
        names = [sorted(re.findall(r"%\((\w+)\)s", text)) for text in (chinese, english)]
        assert names[0] == names[1], chinese
