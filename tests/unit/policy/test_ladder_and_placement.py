"""The sections of the guardian ladder and of placements: read whole, and refused when they name what does not exist."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from contracts.policy import Policy
from contracts.policy.model import FOLDER
from tests.samples.golden import POLICY


def raw_policy() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "policy-2026-11.yaml").read_text(encoding="utf-8"))
    return content


def _unknown_step(raw: dict[str, Any]) -> None:
    raw["guardian_ladder"]["documents"][0]["step"] = "G9"


def _unknown_proceeding(raw: dict[str, Any]) -> None:
    raw["guardian_ladder"]["documents"][0]["settles"] = "lawsuit"


def _unknown_condition(raw: dict[str, Any]) -> None:
    raw["guardian_ladder"]["direct_jump"][0]["when"] = "no_such_condition"


def _unknown_kind(raw: dict[str, Any]) -> None:
    raw["placement"]["preference"].append(["P12"])


def _unknown_condition_of_home(raw: dict[str, Any]) -> None:
    raw["placement"]["reasons"][0]["stands_while"] = "no_such_condition"


def _unknown_key(raw: dict[str, Any]) -> None:
    raw["placement"]["surprise"] = 1


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_unknown_step, "G9"),
        (_unknown_proceeding, "lawsuit"),
        (_unknown_condition, "no_such_condition"),
        (_unknown_kind, "P12"),
        (_unknown_condition_of_home, "no_such_condition"),
        (_unknown_key, "surprise"),
    ],
)
def test_what_names_nothing_is_refused_at_loading(spoil: Callable[[dict[str, Any]], None], word: str) -> None:
    raw = raw_policy()
    spoil(raw)
    with pytest.raises(ValueError, match=word):
        Policy.model_validate(raw)


def test_every_code_of_both_sections_has_its_label_in_two_languages() -> None:
    kinds = {
        "ladder_step": [step.id for step in POLICY.guardian_ladder.steps],
        "ladder_document": [document.code for document in POLICY.guardian_ladder.documents],
        "ladder_reason": [reason.code for reason in POLICY.guardian_ladder.reasons],
        "guardian_response": [response.code for response in POLICY.guardian_ladder.responses],
        "placement_kind": [kind.code for kind in POLICY.placement.kinds],
        "placement_reason": [reason.code for reason in POLICY.placement.reasons],
    }
    for kind, codes in kinds.items():
        for code in codes:
            assert POLICY.label(kind, code).zh != code
            assert POLICY.label(kind, code).en


def test_whoever_signs_checks_or_reviews_is_a_department_a_post_or_an_outside_body() -> None:
    section = POLICY.guardian_ladder
    known = {*POLICY.departments_by_code, *(p.code for p in POLICY.posts), *(b.code for b in POLICY.external_bodies)}
    signing = {issuer for document in section.documents for issuer in section.issuers(document)}
    recording = {department for departments in section.recorders.values() for department in departments}
    assert signing | recording | {*section.review.by, section.village_barred} <= known
