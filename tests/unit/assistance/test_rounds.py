"""How events build the ledger of a case, in whatever order the topics deliver them."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.dispatch import ReferralIssued, ReturnDecided
from contracts.policy import load_policy
from services.assistance.domain import rounds
from services.assistance.domain.rounds import Case, Task
from tests.integration.assistance import story
from tests.integration.assistance.story import CASE, START, id_of

POLICY = load_policy("2026-11")
FOLDS: dict[str, Any] = {
    "ReportReceived": rounds.with_report,
    "RiskAssessed": lambda case, data: rounds.with_risk(case, data, POLICY),
    "ResponseOpened": lambda case, data: rounds.with_response(case, data, POLICY),
    "ResponseRevised": lambda case, data: rounds.with_revision(case, data, POLICY),
    "ReturnDecided": rounds.with_return,
    "ReferralCompleted": rounds.with_completion,
    "ArrivalReported": rounds.with_arrival,
    "SafetyConfirmed": rounds.with_safety,
    "AssessmentRecorded": rounds.with_assessment,
    "FeedbackGiven": rounds.with_feedback,
}


def after(*events: Any) -> Case:
    case = Case(CASE)
    for event in events:
        case = FOLDS[type(event).__name__](case, event)
    return case


TOPICS: list[list[Any]] = [
    [
        story.report(),
        story.report("report 2", disposition="attached_to_open_case", at=START + timedelta(hours=2)),
    ],
    [
        story.risk("orange", report=story.digest("report 1", "case_opened", START)),
        story.risk(
            "red", score=70, report=story.digest("report 2", "attached_to_open_case", START + timedelta(hours=2))
        ),
    ],
    [
        story.response(),
        story.revision("red", {"health": "assist"}),
        story.arrival(),
        story.safety(),
        story.written(),
        story.completed("police"),
        story.feedback(),
    ],
]


@given(st.data())
def test_the_ledger_is_the_same_in_whatever_order_the_topics_arrive(data: st.DataObject) -> None:
    queues = [list(topic) for topic in TOPICS]
    order = []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        order.append(queue.pop(0))
    assert after(*order) == after(*[event for topic in TOPICS for event in topic])


def test_the_ledger_knows_what_closure_asks() -> None:
    now = after(*[event for topic in TOPICS for event in topic]).current
    assert (now.level, now.highest_level, now.score) == ("red", "red", 70)
    assert now.reports == {id_of("report 1"): "given", id_of("report 2"): "owed"}
    assert now.tasks[id_of("police")] == Task("police", "lead", "done", "done")
    assert now.departments["health"] == "assist"
    assert now.seen_at == now.safety_confirmed_at == now.written_at == story.SAFE
    assert (now.started_at, now.last_report_at) == (START, START + timedelta(hours=2))


def test_an_estimated_age_is_no_age() -> None:
    case = after(story.risk(facts={"age": 17, "age_estimated": True, "warning_letter_in_force": True}))
    [child] = case.current.children
    assert (child.age, child.orders) == (None, ("warning_letter_in_force",))


def test_a_return_that_is_upheld_moves_the_task() -> None:
    issued = ReferralIssued(referral_id=id_of("justice"), department="justice", organisation="JU", role="lead")
    upheld = ReturnDecided(**story.act_of("police"), upheld=True, issued=issued)
    refused = ReturnDecided(**story.act_of("police"), upheld=False)
    opened = after(story.response())
    assert rounds.with_return(opened, refused) == opened
    tasks = rounds.with_return(opened, upheld).current.tasks
    assert (tasks[id_of("police")].state, tasks[id_of("justice")].state) == ("returned", "open")


def test_acts_on_an_earlier_rounds_referrals_do_not_touch_the_new_round() -> None:
    second = story.response("yellow", response_no=2, referrals=(), received_at=START + timedelta(days=80))
    case = after(story.response(), second, story.completed("police"), story.written())
    earlier, current = case.rounds
    assert earlier.tasks[id_of("police")].state == "done"
    assert (current.tasks, current.written_at) == ({}, None)


def test_a_receipt_of_another_authority_is_no_sighting() -> None:
    case = after(story.response(), story.safety(basis="receiving_authority_receipt"))
    assert case.current.seen_at is None
    assert case.current.safety_confirmed_at == story.SAFE


def test_a_revision_of_an_unknown_response_changes_nothing() -> None:
    case = after(story.response())
    assert rounds.with_revision(case, story.revision("red", {"health": "assist"}, response_no=7), POLICY) == case


def test_a_safety_only_task_gives_no_role_and_closure_still_waits_for_it() -> None:
    task = ReferralIssued(
        referral_id=id_of("school"), department="school", organisation="SC", role="assist", safety_only=True
    )
    added = story.revision("red", {}).model_copy(update={"referrals": (task,)})
    running = after(story.response(), added)
    assert "school" not in running.current.departments
    assert running.current.tasks[id_of("school")].state == "open"
    done = rounds.with_completion(running, story.completed("school")).current
    assert "school" not in done.departments
    assert done.tasks[id_of("school")].state == "done"


def test_a_withdrawn_referral_is_no_role_and_no_open_task_any_more() -> None:
    withdrawn = story.revision("red", {}).model_copy(update={"withdrawn": (id_of("police"),)})
    now = after(story.response(), withdrawn).current
    assert "police" not in now.departments
    assert now.tasks[id_of("police")].state == "returned"
