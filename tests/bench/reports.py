"""Invented reports for load: the golden cases that open a case, with fresh names so that no two are the same child."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson

from tests.samples.golden import golden_cases

_NOT_ALONE = ("duplicate_of", "reopens")


def body_of(case: Any, *, received_at: str | None = None) -> dict[str, Any]:
    """The request body of a golden case, received now unless a time is given."""
    keys = ("channel", "reporter", "place", "child", "narrative", "concerns", "facts", "answers")
    body = {key: case[key] for key in keys if key in case}
    if case.get("siblings"):
        body["siblings"] = [{k: v for k, v in sibling.items() if k != "ref"} for sibling in case["siblings"]]
    if received_at is not None:
        body["received_at"] = received_at
    return body


def endless() -> Iterator[tuple[str, bytes]]:
    """(idempotency key, body) for ever: every golden case that stands alone, at ages as given, under new names."""
    cases = [case for case in golden_cases() if not any(key in case for key in _NOT_ALONE)]
    number = 0
    while True:
        for case in cases:
            number += 1
            body = body_of(case)
            body["facts"] = {key: value for key, value in body["facts"].items() if key != "safe_until"}
            for nth, child in enumerate((body, *body.get("siblings", ()))):
                child["child"] = {"name": f"样例{number:06d}-{nth}", "sex": child["child"].get("sex")}
            yield uuid4().hex, orjson.dumps(body)
