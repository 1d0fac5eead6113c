"""Is a policy file sound? Its shape, and everything one section says of another, with messages for the people who write it.

Loading refuses a broken file at its first fault; this names every fault it can find, each with its place in the file.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from contracts.policy.conditions import ALWAYS, PolicyError
from contracts.policy.limits import Label
from contracts.policy.model import Policy, read_mapping

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `path` is the place in the file: `risk.overrides[R2].when`."""

    path: str
    message: Label


def check_file(path: Path) -> tuple[Fault, ...]:
    """Everything that is wrong with a policy file. Empty when it may be loaded. Raises OSError when it cannot be read."""
    try:
        raw = read_mapping(path)
    except (yaml.YAMLError, PolicyError) as error:
        return (Fault("", Label(zh=f"不是有效的 YAML：{error}", en=f"not a valid YAML file: {error}")),)
    faults = list(check(raw))
    version = raw.get("policy_version")
    if path.stem.startswith("policy-") and path.stem != f"policy-{version}":
        faults.append(
            _fault("policy_version", "与文件名不一致", f"the file is called {path.name}, the version {version}")
        )
    return tuple(faults)


def check(raw: Raw) -> tuple[Fault, ...]:
    """Everything that is wrong with the content of a policy file."""
    references = list(_references(raw))
    shape = list(_shape(raw))
    told = {fault.path for fault in references}
    return (*references, *(fault for fault in shape if fault.path not in told and (fault.path or not references)))


# Shape -----------------------------------------------------------------------------------------------------------


def _shape(raw: Raw) -> Iterator[Fault]:
    try:
        Policy.model_validate(raw)
    except ValidationError as error:
        for one in error.errors():
            path = _place(raw, one["loc"])
            match one["type"]:
                case "missing":
                    yield _fault(path, "缺少该项", "this entry is missing")
                case "extra_forbidden":
                    yield _fault(path, "没有这个键", "no such key is known here")
                case _:
                    yield _fault(path, f"值不正确：{one['msg']}", str(one["msg"]))
    except (KeyError, TypeError, PolicyError) as error:
        yield _fault("", f"无法读取：{error}", f"cannot be read: {error}")


def _place(raw: Any, steps: tuple[int | str, ...]) -> str:
    """A place as people find it: entries of a list by their code."""
    path, here = "", raw
    for step in steps:
        if isinstance(step, int):
            entry = here[step] if isinstance(here, list) and step < len(here) else None
            name = _name_of(entry)
            path, here = f"{path}[{step if name is None else name}]", entry
        else:
            path = f"{path}.{step}" if path else step
            here = here.get(step) if isinstance(here, Mapping) else None
    return path


def _name_of(entry: Any) -> str | None:
    if not isinstance(entry, Mapping):
        return None
    name = entry.get("code", entry.get("id"))
    return None if name is None else str(name)


# What one section says of another --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes a file defines, by kind."""

    levels: tuple[str, ...]
    facts: Mapping[str, Any]
    factors: Mapping[str, frozenset[str]]
    concerns: frozenset[str]
    rules: frozenset[str]
    conditions: frozenset[str]
    reporters: frozenset[str]
    departments: frozenset[str]
    posts: frozenset[str]
    roles: frozenset[str]
    steps: frozenset[str]
    unknown: str

    @classmethod
    def of(cls, raw: Raw) -> "Codes":
        """The codes of a file, as far as it can be read."""
        risk = _mapping(raw.get("risk"))
        rules = [*_list(risk.get("overrides")), *_list(risk.get("floors")), *_list(risk.get("plus_one"))]
        return cls(
            levels=tuple(_codes(raw.get("levels"))),
            facts=_mapping(raw.get("facts")),
            factors={
                str(factor["code"]): frozenset(_codes(factor.get("options")))
                for factor in _list(risk.get("factors"))
                if isinstance(factor, Mapping) and "code" in factor
            },
            concerns=frozenset(_codes(raw.get("concerns"))),
            rules=frozenset(_codes(rules)),
            conditions=frozenset(_mapping(raw.get("conditions"))) | {ALWAYS},
            reporters=frozenset(_codes(raw.get("reporter_kinds"))),
            departments=frozenset(_codes(raw.get("departments"))),
            posts=frozenset(_codes(raw.get("posts"))),
            roles=frozenset(_codes(_mapping(raw.get("routing")).get("roles"))),
            steps=frozenset(_codes(_mapping(raw.get("sla")).get("steps"))),
            unknown=str(risk.get("unknown_code")),
        )


def _references(raw: Raw) -> Iterator[Fault]:
    codes = Codes.of(raw)
    yield from _duplicates("", raw)
    yield from _conditions("", raw, codes)
    yield from _instrument(_mapping(raw.get("risk")), codes, raw)
    yield from _matrix(_mapping(raw.get("routing")), codes)
    yield from _clocks(_mapping(raw.get("sla")), codes)
    effective = raw.get("effective_from")
    if isinstance(effective, str) and not _is_date(effective):
        yield _fault("effective_from", "不是日期", "not a date")


def _duplicates(path: str, value: Any) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _duplicates(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        named = [entry["code"] for entry in value if isinstance(entry, Mapping) and "code" in entry]
        for code, count in Counter(map(str, named)).items():
            if count > 1 and len(named) == len(value):
                yield _fault(f"{path}[{code}]", "代码重复", "the code stands here twice")
        for n, inner in enumerate(value):
            yield from _duplicates(f"{path}[{_name_of(inner) or n}]", inner)


def _conditions(path: str, value: Any, codes: Codes, inside: bool = False) -> Iterator[Fault]:
    """Every condition of the file: a named one, or a tree of leaves that name facts, factors and codes."""
    if isinstance(value, Mapping):
        if inside:
            yield from _leaf(path, value, codes)
        for key, inner in value.items():
            where = f"{path}.{key}" if path else str(key)
            within = inside and key in ("any", "all", "not")
            yield from _conditions(where, inner, codes, within or key in CONDITIONS)
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from _conditions(f"{path}[{_name_of(inner) or n}]", inner, codes, inside)
    elif inside and isinstance(value, str) and value not in codes.conditions:
        yield _fault(path, f"没有这个条件：{value}", f"no such condition: {value}")


CONDITIONS = frozenset({"when", "not_created_when", "created_when", "stands_while", "search_when", "trafficked_when"})
"""Keys whose value is a condition; under other keys that sound like it stands text for people."""


_LEAVES: Mapping[str, Callable[[Codes], Any]] = {
    "concern": lambda codes: codes.concerns,
    "fired": lambda codes: codes.rules,
    "level": lambda codes: codes.levels,
    "reporter_kind": lambda codes: codes.reporters,
    "unknown": lambda codes: codes.factors,
}


def _leaf(path: str, leaf: Raw, codes: Codes) -> Iterator[Fault]:
    name = leaf.get("fact")
    if isinstance(name, str):
        if name not in codes.facts:
            yield _fault(path, f"没有这个事实项：{name}", f"no such fact: {name}")
        else:
            values = _mapping(codes.facts[name]).get("values") or ()
            wanted = [*_list(leaf.get("in")), *([leaf["eq"]] if "eq" in leaf else [])]
            for one in wanted:
                if values and one not in values:
                    yield _fault(path, f"{name} 没有这个值：{one}", f"{name} has no value {one}")
    factor = leaf.get("answer")
    if isinstance(factor, str):
        options = codes.factors.get(factor)
        if options is None:
            yield _fault(path, f"没有这个因素：{factor}", f"no such factor: {factor}")
        for option in _list(leaf.get("in")):
            if options is not None and option not in options:
                yield _fault(path, f"{factor} 没有这个选项：{option}", f"{factor} has no option {option}")
    for kind, known in _LEAVES.items():
        for one in _list(leaf.get(kind)):
            if one not in known(codes):
                yield _fault(path, f"没有这个代码：{one}", f"no such {kind}: {one}")


def _instrument(risk: Raw, codes: Codes, raw: Raw) -> Iterator[Fault]:
    yield from _factors(risk)
    yield from _bands(raw)
    for kind in ("overrides", "floors"):
        for rule in map(_mapping, _list(risk.get(kind))):
            if rule.get("to") not in codes.levels:
                yield _fault(f"risk.{kind}[{rule.get('id')}].to", "没有这个等级", "no such level")
    reassessment = _mapping(risk.get("reassessment"))
    yield from _per_level("risk.reassessment.due", reassessment.get("due"), codes, every=True)
    yield from _triggers(reassessment, codes)


def _factors(risk: Raw) -> Iterator[Fault]:
    total, reached = risk.get("total"), 0
    for factor in _list(risk.get("factors")):
        entry = _mapping(factor)
        points = [_mapping(option).get("points") for option in _list(entry.get("options"))]
        whole = [point for point in points if isinstance(point, int)]
        most = entry.get("max")
        reached += most if isinstance(most, int) else 0
        if whole and max(whole) != entry.get("max"):
            where = f"risk.factors[{entry.get('code')}].max"
            yield _fault(where, "与最高选项分值不符", "is not what its highest option gives")
    if isinstance(total, int) and reached != total:
        yield _fault("risk.total", f"各因素合计为 {reached}", f"the factors add up to {reached}")


def _bands(raw: Raw) -> Iterator[Fault]:
    bands = sorted(
        (level["score_min"], level["score_max"], level["code"])
        for level in map(_mapping, _list(raw.get("levels")))
        if {"score_min", "score_max", "code"} <= level.keys()
    )
    expected = 0
    for low, high, code in bands:
        if low != expected:
            yield _fault(f"levels[{code}].score_min", f"应为 {expected}", f"should be {expected}: bands leave no gap")
        expected = high + 1


def _triggers(reassessment: Raw, codes: Codes) -> Iterator[Fault]:
    for trigger in map(_mapping, _list(reassessment.get("triggers"))):
        sets, where = _mapping(trigger.get("sets")), f"risk.reassessment.triggers[{trigger.get('code')}].sets"
        for fact in _mapping(sets.get("facts")):
            if fact not in codes.facts:
                yield _fault(where, f"没有这个事实项：{fact}", f"no such fact: {fact}")
        for factor, option in _mapping(sets.get("answers")).items():
            if option not in codes.factors.get(factor, ()):
                yield _fault(where, f"没有这个选项：{factor} {option}", f"no such option: {factor} {option}")


def _matrix(routing: Raw, codes: Codes) -> Iterator[Fault]:
    matrix = _mapping(routing.get("matrix"))
    for concern in sorted(codes.concerns ^ matrix.keys()):
        yield _fault(f"routing.matrix.{concern}", "问题类型与矩阵不一致", "concerns and matrix differ here")
    for concern, row in matrix.items():
        for department, entries in _mapping(row).items():
            where = f"routing.matrix.{concern}.{department}"
            if department not in codes.departments:
                yield _fault(where, "没有这个部门", "no such department")
            for entry in map(_mapping, _list(entries)):
                if entry.get("role") not in codes.roles:
                    yield _fault(where, f"没有这个角色：{entry.get('role')}", f"no such role: {entry.get('role')}")
    for rule in map(_mapping, _list(routing.get("raise"))):
        for department, role in _mapping(rule.get("at_least")).items():
            if department not in codes.departments or role not in codes.roles:
                where = f"routing.raise[{rule.get('id')}].at_least.{department}"
                yield _fault(where, "没有这个部门或角色", "no such department or role")


def _clocks(sla: Raw, codes: Codes) -> Iterator[Fault]:
    for step in map(_mapping, _list(sla.get("steps"))):
        where = f"sla.steps[{step.get('id')}].limits"
        yield from _per_level(where, step.get("limits"), codes)
        for level, limit in _mapping(step.get("limits")).items():
            other = _mapping(limit).get("same_as")
            if other is not None and other not in codes.steps:
                yield _fault(f"{where}.{level}", f"没有这个环节：{other}", f"no such step: {other}")
    yield from _per_level("sla.second_level_delay", sla.get("second_level_delay"), codes, every=True)


def _per_level(path: str, limits: Any, codes: Codes, *, every: bool = False) -> Iterator[Fault]:
    named = _mapping(limits)
    for level in named:
        if level not in codes.levels:
            yield _fault(f"{path}.{level}", "没有这个等级", "no such level")
    for level in codes.levels:
        if every and level not in named:
            yield _fault(path, f"缺少等级 {level}", f"the level {level} has no limit")


def _mapping(value: Any) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _codes(value: Any) -> list[str]:
    return [name for name in map(_name_of, _list(value)) if name is not None]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _fault(path: str, zh: str, en: str) -> Fault:
    return Fault(path, Label(zh=zh, en=en))
