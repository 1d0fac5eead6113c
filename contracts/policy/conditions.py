"""The condition grammar of the policy file, compiled once into closures and evaluated over one child's circumstances.

The grammar stands above `facts` in the policy file. A fact that was not given makes its test false; a factor that was
not answered is unknown, never its 0-point option.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

FactValue = bool | int | str | datetime
RawCondition = str | dict[str, Any]
ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the rules know of one child at one moment. Build it with `Policy.circumstances`, which normalises.

    `facts` and `answers` hold only what is known. `assumed` names facts that are true only because a recorded concern's
    checklist question was left blank (policy `unanswered_checklist`). `level` and `fired` are the child's own result.
    """

    concerns: frozenset[str] = frozenset()
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    level: str | None = None
    fired: frozenset[str] = frozenset()
    reporter_kinds: frozenset[str] = frozenset()
    reporter_mandated: bool = False
    assumed: frozenset[str] = frozenset()

    def at(self, level: str | None) -> "Circumstances":
        """The same child with another level, for rules that follow the level of the whole report."""
        return self if level == self.level else replace(self, level=level)

    def having(self, fired: frozenset[str]) -> "Circumstances":
        """The same child with these rules fired."""
        return self if fired == self.fired else replace(self, fired=fired)

    @property
    def safe_until(self) -> datetime | None:
        """The known later hand-over time (policy fact `safe_until`), or None. Raises ValueError if it has no zone."""
        value = self.facts.get("safe_until")
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError(f"safe_until {value!r} has no time zone")
        return moment


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition.

    `holds` is the test. `because` names the leaves that make it hold, as codes: `fact:confined`, `answer:A1=severe`,
    `assumed:abandoned`. `text` is the condition itself in one line, used where a negation holds.
    """

    holds: Callable[[Circumstances], bool]
    because: Callable[[Circumstances], tuple[str, ...]]
    text: str


class PolicyError(ValueError):
    """The policy file cannot be read: it breaks the grammar or names something it does not define."""


def compile_named(raw: Mapping[str, RawCondition]) -> dict[str, Condition]:
    """Compile the named conditions, whatever their order. Raises PolicyError on an unknown name or a circle."""
    done: dict[str, Condition] = {ALWAYS: Condition(lambda _: True, lambda _: (ALWAYS,), ALWAYS)}
    under_way: list[str] = []

    class Names(dict[str, Condition]):
        def __missing__(self, name: str) -> Condition:
            if name not in raw:
                raise PolicyError(f"unknown condition {name!r}")
            if name in under_way:
                raise PolicyError(f"conditions in a circle: {' -> '.join([*under_way, name])}")
            under_way.append(name)
            self[name] = compile_condition(raw[name], self)
            under_way.pop()
            return self[name]

    names = Names(done)
    for name in raw:
        names[name]
    return dict(names)


def compile_condition(raw: RawCondition, named: Mapping[str, Condition]) -> Condition:
    """Compile one condition; names are looked up in `named`. Raises PolicyError where the grammar is broken."""
    if isinstance(raw, str):
        try:
            return named[raw]
        except KeyError:
            raise PolicyError(f"unknown condition {raw!r}") from None
    for key, build in _BUILDERS.items():
        if key in raw:
            return build(raw, named)
    raise PolicyError(f"not a condition: {raw!r}")


def any_of(parts: list[Condition]) -> Condition:
    """The condition that holds when one of `parts` does. An empty list never holds."""
    tests = tuple(part.holds for part in parts)

    def holds(c: Circumstances) -> bool:
        return any(test(c) for test in tests)

    return Condition(holds, _all_reasons(parts), "any(" + "|".join(part.text for part in parts) + ")")


def _all_of(parts: list[Condition]) -> Condition:
    tests = tuple(part.holds for part in parts)

    def holds(c: Circumstances) -> bool:
        return all(test(c) for test in tests)

    return Condition(holds, _all_reasons(parts), "all(" + "&".join(part.text for part in parts) + ")")


def _all_reasons(parts: list[Condition]) -> Callable[[Circumstances], tuple[str, ...]]:
    def because(c: Circumstances) -> tuple[str, ...]:
        reasons: dict[str, None] = {}
        for part in parts:
            if part.holds(c):
                reasons.update(dict.fromkeys(part.because(c)))
        return tuple(reasons)

    return because


def _negation(inner: Condition) -> Condition:
    text = f"not:{inner.text}"
    return Condition(lambda c: not inner.holds(c), lambda _: (text,), text)


def _fact(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
    name = raw["fact"]
    tests = {key: value for key, value in raw.items() if key != "fact"}
    if not tests:
        return _true_fact(name)
    if len(tests) != 1:
        raise PolicyError(f"one test for a fact, not {raw!r}")
    [(test, wanted)] = tests.items()
    if test == "is" and wanted is False:
        return _leaf(lambda c: c.facts.get(name) is False, f"fact:{name}=false")
    if test == "present" and wanted is True:
        return _shown(lambda c: name in c.facts, lambda c: f"fact:{name}={c.facts[name]}", f"fact:{name}")
    if test == "eq":
        return _leaf(lambda c: c.facts.get(name) == wanted, f"fact:{name}={wanted}")
    if test == "in":
        values = frozenset(wanted)
        return _shown(lambda c: c.facts.get(name) in values, lambda c: f"fact:{name}={c.facts[name]}", f"fact:{name}")
    if test in _COMPARISONS:
        return _number_fact(name, test, wanted)
    raise PolicyError(f"unknown test of a fact: {raw!r}")


def _true_fact(name: str) -> Condition:
    return _shown(
        lambda c: c.facts.get(name) is True,
        lambda c: f"assumed:{name}" if name in c.assumed else f"fact:{name}",
        f"fact:{name}",
    )


_COMPARISONS: dict[str, tuple[str, Callable[[int, int], bool]]] = {
    "lt": ("<", lambda a, b: a < b),
    "lte": ("<=", lambda a, b: a <= b),
    "gte": (">=", lambda a, b: a >= b),
}


def _number_fact(name: str, test: str, bound: int) -> Condition:
    sign, compare = _COMPARISONS[test]

    def holds(c: Circumstances) -> bool:
        value = c.facts.get(name)
        return type(value) is int and compare(value, bound)

    return _leaf(holds, f"fact:{name}{sign}{bound}")


def _answer(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
    factor, options = raw["answer"], frozenset(raw["in"])
    return _shown(
        lambda c: c.answers.get(factor) in options,
        lambda c: f"answer:{factor}={c.answers[factor]}",
        f"answer:{factor}={','.join(raw['in'])}",
    )


def _unknown(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
    def unanswered(factor: str) -> Condition:
        return _leaf(lambda c: factor not in c.answers, f"unknown:{factor}")

    return any_of([unanswered(factor) for factor in raw["unknown"]])


def _members(key: str, label: str, of: Callable[[Circumstances], frozenset[str]]) -> Callable[..., Condition]:
    """Leaves that ask whether a set of codes (concerns, fired rules, reporter kinds) meets a list."""

    def build(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
        wanted = tuple(raw[key])
        codes = frozenset(wanted)
        return Condition(
            lambda c: not codes.isdisjoint(of(c)),
            lambda c: tuple(f"{label}:{code}" for code in wanted if code in of(c)),
            f"{label}:{','.join(wanted)}",
        )

    return build


def _level(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
    levels = frozenset(raw["level"])
    return _shown(lambda c: c.level in levels, lambda c: f"level:{c.level}", f"level:{','.join(raw['level'])}")


def _mandated(raw: dict[str, Any], _: Mapping[str, Condition]) -> Condition:
    wanted = bool(raw["reporter_mandated"])
    return _leaf(lambda c: c.reporter_mandated is wanted, "reporter:mandated" if wanted else "reporter:not_mandated")


def _leaf(holds: Callable[[Circumstances], bool], text: str) -> Condition:
    return Condition(holds, lambda _: (text,), text)


def _shown(holds: Callable[[Circumstances], bool], show: Callable[[Circumstances], str], text: str) -> Condition:
    return Condition(holds, lambda c: (show(c),), text)


_BUILDERS: dict[str, Callable[[dict[str, Any], Mapping[str, Condition]], Condition]] = {
    "fact": _fact,
    "answer": _answer,
    "unknown": _unknown,
    "concern": _members("concern", "concern", lambda c: c.concerns),
    "fired": _members("fired", "fired", lambda c: c.fired),
    "reporter_kind": _members("reporter_kind", "reporter", lambda c: c.reporter_kinds),
    "level": _level,
    "reporter_mandated": _mandated,
    "any": lambda raw, named: any_of([compile_condition(part, named) for part in raw["any"]]),
    "all": lambda raw, named: _all_of([compile_condition(part, named) for part in raw["all"]]),
    "not": lambda raw, named: _negation(compile_condition(raw["not"], named)),
}
