"""A form of the desk as typed, and what it becomes: the body of a report, an amendment, a preview, a search.

Names of fields say where they go: `c.R1` is the checklist, `f.age` a fact, `a.A1` an answer, `child.name` a particular.
An empty field says nothing; `unknown` says that it was asked and nobody knows.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contracts.policy import Policy, load_calendar

UNKNOWN, OUTSIDE = "unknown", "outside"
CHECK, FACT, ANSWER, CHILD = "c.", "f.", "a.", "child."
_SAID: Mapping[str, bool | str] = {"yes": True, "no": False, UNKNOWN: UNKNOWN}
WORDS = ("narrative", "phone", "reporter_name", "address", "landmark")
"""Free text and numbers that leave the draft once they were sent, beside everything of `child.`."""
FRAME = frozenset({"csrf", "key", "mode"})
DANGER = tuple(f"{CHECK}R{n}" for n in range(1, 12))


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields as they came from the browser, full-width digits made plain."""

    values: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, Any]]) -> "Typed":
        """From the form's pairs; what belongs to the frame of the form is left out."""
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            text = str(value).strip()
            if text and name not in FRAME:
                plain = text if name == "narrative" else unicodedata.normalize("NFKC", text)
                values.setdefault(name, []).append(plain)
        return cls(values)

    def one(self, name: str) -> str:
        """A field, or nothing."""
        return self.values.get(name, [""])[0]

    def many(self, name: str) -> Sequence[str]:
        """A field with several values."""
        return self.values.get(name, [])

    def under(self, prefix: str) -> dict[str, str]:
        """Fields of one kind, without their prefix."""
        return {name.removeprefix(prefix): self.one(name) for name in self.values if name.startswith(prefix)}

    @property
    def empty(self) -> bool:
        """Nothing was typed beside what the form brings with it."""
        return not set(self.values) - {"channel", "reporter_kind"}

    def without_words(self) -> "Typed":
        """Only codes: what may stay once the report is sent."""
        kept = {n: v for n, v in self.values.items() if n not in WORDS and not n.startswith(CHILD)}
        return Typed(kept)

    # What is enough to send ------------------------------------------------------------------------------------------

    @property
    def where(self) -> bool:
        """Fact 1."""
        return bool(self.one("place"))

    @property
    def callback(self) -> bool:
        """Fact 2: a number, or that there is none."""
        return bool(self.one("phone") or self.one("phone_unknown"))

    @property
    def what(self) -> bool:
        """Fact 3."""
        return bool(self.many("concerns"))

    @property
    def danger(self) -> bool:
        """Fact 4: one yes is enough to send, else every question was put."""
        said = [self.one(name) for name in DANGER]
        return "yes" in said or all(said)

    @property
    def enough(self) -> bool:
        """Policy `hotline_flow`: send now, finish later."""
        return self.where and self.callback and self.what and self.danger

    # What it becomes -------------------------------------------------------------------------------------------------

    @property
    def village(self) -> str | None:
        """The village named, if one of the township is."""
        code = self.one("place").partition("/")[0]
        return code if code and code not in {UNKNOWN, OUTSIDE} else None

    @property
    def group(self) -> str | None:
        """The group's code: a place is `village` or `village/group`."""
        return self.one("place").partition("/")[2] or None

    def place(self) -> dict[str, Any]:
        """Where the child is."""
        said: dict[str, Any] = {"village": self.village, "group": self.group}
        said |= {name: self.one(name) for name in ("address", "landmark")}
        if self.one("place") == OUTSIDE:
            said["outside"] = True
        return {name: value for name, value in said.items() if value}

    def facts(self, policy: Policy) -> dict[str, Any]:
        """Facts in the types of the policy; a value that fits no type goes as it is, and the owner says what is wrong."""
        facts: dict[str, Any] = {}
        for name, text in self.under(FACT).items():
            kind = policy.facts[name].type if name in policy.facts else "text"
            if kind == "boolean":
                facts[name] = _SAID.get(text, text)
            elif kind == "integer" and text.isdigit():
                facts[name] = int(text)
            elif kind == "timestamp":
                facts[name] = local(text)
            else:
                facts[name] = text
        return facts

    def codes(self, policy: Policy) -> dict[str, Any]:
        """Concerns, facts, answers and checklist."""
        return {
            "concerns": list(self.many("concerns")),
            "facts": self.facts(policy),
            "answers": self.under(ANSWER),
            "checklist": {code: _SAID[text] for code, text in self.under(CHECK).items() if text in _SAID},
        }

    def reporter(self) -> dict[str, Any]:
        """Who reports."""
        said = {
            "kind": self.one("reporter_kind") or UNKNOWN,
            "name": self.one("reporter_name"),
            "phone": self.one("phone"),
        }
        return {name: value for name, value in said.items() if value} | {"anonymous": bool(self.one("anonymous"))}

    def report(self, policy: Policy, received_at: datetime) -> dict[str, Any]:
        """The body of a report."""
        body = {
            **self.codes(policy),
            "received_at": received_at.isoformat(),
            "channel": self.one("channel") or "hotline_a",
            "reporter": self.reporter(),
            "place": self.place(),
            "child": self.under(CHILD),
            "narrative": self.one("narrative"),
            "attach_to_case": self.one("attach"),
            "not_same_as": list(self.many("not_same")),
        }
        if self.one("known_since"):
            body["known_since"] = local(self.one("known_since"))
        return {name: value for name, value in body.items() if value not in ("", [], {})}

    def amendment(self, before: "Typed", policy: Policy) -> dict[str, Any]:
        """What is said now and was not said before, as the body of an amendment; empty when it is nothing."""
        now, then = self.codes(policy), before.codes(policy)
        child: dict[str, Any] = {"concerns": [one for one in now["concerns"] if one not in then["concerns"]]}
        for part in ("facts", "answers", "checklist"):
            child[part] = {n: v for n, v in now[part].items() if then[part].get(n) != v}
        child["child"] = self.under(CHILD)
        child = {name: value for name, value in child.items() if value}
        body: dict[str, Any] = {"children": [child]} if child else {}
        if self.place() != before.place():
            body["place"] = self.place()
        if self.one("narrative"):
            body["narrative"] = self.one("narrative")
        reporter = {n: v for n, v in (("name", self.one("reporter_name")), ("phone", self.one("phone"))) if v}
        return body | ({"reporter": reporter} if reporter else {})

    def sought(self) -> dict[str, Any]:
        """What persons are searched by; empty when too little is known for a search."""
        child = self.under(CHILD)
        body = {name: child.get(name, "") for name in ("name", "birth_date", "id_number")}
        body |= {"phone": child.get("phone") or child.get("guardian_phone") or self.one("phone")}
        if not any((body["name"], body["id_number"], body["phone"], body["birth_date"] and self.village)):
            return {}
        sex = child.get("sex", "")
        # A village would leave out the child that is known elsewhere, so it goes with a bare birth date only.
        body |= {"village": self.village or ""} if not (body["name"] or body["phone"] or body["id_number"]) else {}
        return {name: value for name, value in (body | {"sex": sex}).items() if value}


def local(text: str) -> str:
    """A time of a form, local, as RFC 3339."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=load_calendar().zone)).isoformat()
