"""A budget line is never overdrawn, and every step of the trail is another person's."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_policy
from contracts.vocabulary import Actor
from services.assistance.domain.measures import Refusal
from services.assistance.domain.money import HOLDS, Disbursement, Line, act_on, available, set_amount

RULES = load_policy("2026-11").assistance.disbursement
NOW = datetime(2026, 9, 24, 9, tzinfo=UTC)
ID = uuid5(NAMESPACE_URL, "money")


def person(department: str, name: str) -> Actor:
    return Actor(kind="person", account=name, staff=name, department=department)


ASKED, APPROVER, PAYER = person("civil_affairs", "a"), person("township_government", "b"), person("finance", "c")


def money(amount: int, by: Actor = ASKED) -> Disbursement:
    trail: dict[str, Any] = {"requested": {"by": by.model_dump(), "at": NOW}}
    return Disbursement(ID, ID, "YX-1", 1, ID, "YX", ID, amount, "P-1", "requested", None, trail, None, NOW, 1)


def line(amount: int, committed: int = 0) -> Line:
    return Line(ID, "YX", 2026, "2080199", amount, committed, 1)


@given(
    st.integers(1, 1000),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["approve", "refuse", "pay", "return"])), max_size=30),
)
def test_whatever_is_tried_the_line_holds_what_is_approved_or_paid_and_never_more_than_it_has(
    total: int, amounts: list[int], acts: list[tuple[int, Any]]
) -> None:
    budget, all_ = line(total), [money(amount) for amount in amounts]
    who: dict[str, Actor] = {"approve": APPROVER, "refuse": APPROVER, "pay": PAYER, "return": PAYER}
    for index, act in acts:
        place = index % len(all_)
        result = act_on(all_[place], budget, act, who[act], NOW, RULES, reason="changed")
        if not isinstance(result, Refusal):
            all_[place], budget = result
        assert 0 <= budget.committed <= budget.amount
        assert budget.committed == sum(one.amount for one in all_ if one.state in HOLDS)


@pytest.mark.parametrize(
    ("act", "by", "rule"),
    [
        ("approve", ASKED, "second_person"),
        ("approve", person("finance", "x"), "not_your_step"),
        ("pay", PAYER, "wrong_state"),
        ("refuse", APPROVER, "reason_missing"),
    ],
)
def test_a_step_by_the_wrong_person_or_at_the_wrong_moment_is_refused(act: Any, by: Actor, rule: str) -> None:
    result = act_on(money(100), line(1000), act, by, NOW, RULES)
    assert isinstance(result, Refusal)
    assert result.rule == rule


def test_who_approved_does_not_pay_and_more_than_the_line_has_is_not_approved() -> None:
    result = act_on(money(100), line(1000), "approve", APPROVER, NOW, RULES)
    assert not isinstance(result, Refusal)
    approved, _ = result
    assert set(approved.trail) == {"requested", "approved"}
    assert available(approved, PAYER, RULES) == ("pay", "return")
    assert "pay" not in available(approved, person("finance", "b"), RULES)
    over = act_on(money(101), line(1000, committed=900), "approve", APPROVER, NOW, RULES)
    assert isinstance(over, Refusal)
    assert (over.rule, over.allowed) == ("line_exceeded", ("refuse",))


def test_a_line_is_not_set_below_what_is_committed() -> None:
    assert isinstance(set_amount(line(1000, 600), 599), Refusal)
    changed = set_amount(line(1000, 600), 600)
    assert isinstance(changed, Line)
    assert (changed.left, changed.version) == (0, 2)
