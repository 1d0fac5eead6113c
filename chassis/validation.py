"""Validation errors in the reader's language, by the rule that was broken: never with the value that broke it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAME_LENGTH = 64
_SAFE_CONTEXT = ("expected", "min_length", "max_length", "ge", "gt", "le", "lt")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field. `pointer` is a JSON pointer into the body ("#/children/0/facts") or a parameter's name ("limit")."""

    pointer: str
    code: str
    zh: str
    en: str


_RULES: dict[str, tuple[str, str]] = {
    "missing": ("必填", "required"),
    "extra_forbidden": ("没有这个字段", "unknown field"),
    "enum": ("应为：{expected}", "must be one of: {expected}"),
    "literal_error": ("应为：{expected}", "must be one of: {expected}"),
    "string_type": ("应为文字", "must be text"),
    "string_too_short": ("至少 {min_length} 个字符", "at least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字符", "at most {max_length} characters"),
    "string_pattern_mismatch": ("格式不正确", "wrong format"),
    "too_short": ("至少 {min_length} 项", "at least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "at most {max_length} items"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "float_parsing": ("应为数字", "must be a number"),
    "bool_type": ("应为是或否", "must be true or false"),
    "bool_parsing": ("应为是或否", "must be true or false"),
    "greater_than_equal": ("不小于 {ge}", "at least {ge}"),
    "greater_than": ("大于 {gt}", "more than {gt}"),
    "less_than_equal": ("不大于 {le}", "at most {le}"),
    "less_than": ("小于 {lt}", "less than {lt}"),
    "uuid_parsing": ("应为 UUID", "must be a UUID"),
    "datetime_parsing": ("应为 RFC 3339 时间", "must be an RFC 3339 time"),
    "datetime_from_date_parsing": ("应为 RFC 3339 时间", "must be an RFC 3339 time"),
    "timezone_aware": ("时间须带时区", "the time needs an offset"),
    "date_parsing": ("应为日期（年-月-日）", "must be a date (YYYY-MM-DD)"),
    "date_from_datetime_parsing": ("应为日期（年-月-日）", "must be a date (YYYY-MM-DD)"),
    "model_attributes_type": ("应为一个对象", "must be an object"),
    "dict_type": ("应为一个对象", "must be an object"),
    "list_type": ("应为一个列表", "must be a list"),
    "tuple_type": ("应为一个列表", "must be a list"),
}


def field_errors(found: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """pydantic's findings as field errors. Rules without a text of their own are answered by their code alone."""
    return tuple(_field_error(item) for item in found)


def _field_error(item: Mapping[str, Any]) -> FieldError:
    code = str(item["type"])
    context = {name: item.get("ctx", {}).get(name, "") for name in _SAFE_CONTEXT}
    zh, en = _RULES.get(code, ("内容不符合要求", "not acceptable"))
    return FieldError(_pointer(item["loc"]), code, zh.format(**context), en.format(**context))


def _pointer(place: Sequence[object]) -> str:
    parts = [str(part)[:_NAME_LENGTH] for part in place[1:]]
    if place[0] != "body":
        return "/".join(parts)
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
