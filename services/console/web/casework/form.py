"""An act on a case as a form: its questions as data, and the body the owner is sent.

Text never travels with an act: each text is laid down as a note first, and the body carries the note's id.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from contracts.policy import Label, Policy, load_calendar
from services.console.web.rendering import newest_policy

FieldKind = Literal[
    "choice",
    "coded",
    "many",
    "yes_no",
    "tick",
    "moment",
    "future",
    "number",
    "words",
    "long",
    "given",
    "measures",
    "goals",
]
"""`choice`: words of our own; `coded`, `many`: one or several codes of a `source`; `given`: one of what the case itself
offers (its children, planned visits, units); `measures`, `goals`: lists as a plan takes them."""
Typed = Mapping[str, tuple[str, ...]]
"""A form as it was sent: every name with all its values."""


@dataclass(frozen=True, slots=True)
class Field:
    """One question. `name` may lead into a part of the body (`hand_over.at`); `source` names a list of codes."""

    name: str
    label: str
    kind: FieldKind = "words"
    required: bool = True
    source: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One text. It becomes a note of `kind`; the note's id goes where `name` says."""

    name: str
    label: str
    kind: str = "other"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """One act. In `path`, `{case}` is the case and `{it}` what is acted upon; `about_case`: the body names the case.

    `weighty` acts are confirmed once more before they are sent.
    """

    code: str
    title: str
    explains: str
    path: str
    fields: tuple[Field, ...] = ()
    texts: tuple[Text, ...] = ()
    owner: str = "assistance"
    fixed: Mapping[str, Any] = field(default_factory=dict)
    about_case: bool = False
    weighty: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A form as it is offered now: on what, at which version, and what the case itself gives to choose from."""

    form: Form
    it: str = ""
    version: int | None = None
    given: Mapping[str, Iterable[tuple[str, str]]] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Tells this offer from the others on the page."""
        return f"{self.form.code}-{self.it}" if self.it else self.form.code


SOURCES: Mapping[str, Callable[[Policy], Iterable[Any]]] = {
    "department": lambda p: p.departments,
    "measure": lambda p: p.assistance.catalogue,
    "refusal_reason": lambda p: p.assistance.refusal_reasons,
    "agenda": lambda p: p.assistance.conferences.agenda,
    "decision": lambda p: p.assistance.conferences.decisions,
    "not_heard": lambda p: p.visits.rules.not_heard_reasons,
}
"""Lists of codes that the policy's labels do not hold by kind."""


def options(source: str, language: str) -> list[tuple[str, str]]:
    """The codes of a list with their words; of several lists where `source` joins their names with `+`."""
    policy = newest_policy()
    found: list[tuple[str, Label]] = []
    for name in source.split("+"):
        if name in SOURCES:
            found += [(entry.code, entry.label) for entry in SOURCES[name](policy)]
        else:
            found += [(code, label) for (kind, code), label in policy.labels.items() if kind == name]
    return [(code, label.zh if language == "zh" else label.en) for code, label in found]


def body_of(form: Form, typed: Typed, case_id: str, notes: Mapping[str, str]) -> dict[str, Any]:
    """The body of the act. What was left empty is left out; times are local."""
    body: dict[str, Any] = {"case_id": case_id} if form.about_case else {}
    for name, value in form.fixed.items():
        _put(body, name, value)
    for one in form.fields:
        values = tuple(value.strip() for value in typed.get(one.name, ()) if value.strip())
        if values:
            _put(body, one.name, _value(one, values))
    for name, note_id in notes.items():
        _put(body, name, note_id)
    return body


def _value(one: Field, values: tuple[str, ...]) -> Any:
    first = values[0]
    match one.kind:
        case "yes_no" | "tick":
            return first == "yes"
        case "number":
            return int(first) if first.isdigit() else first
        case "moment" | "future":
            return _moment(first)
        case "many":
            return list(values)
        case "given" if one.several:
            return list(values)
        case "measures":
            owners = {entry.code: entry.owner for entry in newest_policy().assistance.catalogue}
            return [{"code": code, "owner_department": owners.get(code, "")} for code in values]
        case "goals":
            return [{"head": code} for code in values]
        case _:
            return first


def _moment(given: str) -> str:
    """The moment with its zone; what is no moment goes on as it is, for the owner to refuse it by name."""
    try:
        return datetime.fromisoformat(given).replace(tzinfo=load_calendar().zone).isoformat()
    except ValueError:
        return given


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    *way, last = name.split(".")
    for part in way:
        body = body.setdefault(part, {})
    body[last] = value
