"""Reassessments: opened once per reason, by when, brought forward, answered, and what holds for every story of a case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_calendar
from contracts.policy.reassessment import FACT_FINDING
from contracts.vocabulary import Actor
from services.risk_scoring.domain import reassessing
from services.risk_scoring.domain.case_file import CaseFile
from services.risk_scoring.domain.reassessing import Assessed, Opening, Settlement, Task, settle
from tests.samples.golden import POLICY
from tests.samples.strategies import levels

NOW = datetime(2026, 3, 24, 6, 20, tzinfo=UTC)
WORKER = Actor(kind="person", account="ca-1")
CALENDAR = load_calendar()
HOUR = timedelta(hours=1)


def id_of(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def file(**changes: Any) -> CaseFile:
    plain: dict[str, Any] = {
        "case_id": id_of("case"), "case_number": "YX-1", "response_no": 1, "state": "open", "township": "YX",
        "village": None, "group_code": None, "level": "yellow", "computed_level": "yellow", "restricted": False,
        "provisional": False, "case_lead": None, "departments": {}, "reporters": (), "children": (),
        "policy_version": POLICY.policy_version, "received_at": NOW, "entered_by": None, "entered_at": NOW,
        "child_seen_at": None, "overdue": {}, "household": (), "placements": {}, "reviewed_at": None,
        "rescreened": None, "assessment_id": None, "version": 2,
    }  # fmt: skip
    return CaseFile(**{**plain, **changes})


def opening(trigger: str = "hospitalised", known_at: datetime = NOW, due_at: datetime | None = None) -> Opening:
    return Opening(id_of(f"{trigger} {known_at}"), trigger, known_at, due_at)


def settled(
    case: CaseFile, running: tuple[Task, ...] = (), *openings: Opening, now: datetime = NOW, **more: Any
) -> Settlement:
    return settle(case, running, openings, now, POLICY, CALENDAR, fact_finding_id=id_of(f"thin {now}"), **more)


def task(case: CaseFile, trigger: str = "hospitalised", known_at: datetime = NOW) -> Task:
    [opened] = settled(case, (), opening(trigger, known_at), now=known_at).opened
    return opened


def test_the_limit_follows_the_level_in_force() -> None:
    assert task(file(level="red")).due_at == task(file(level="orange")).due_at == NOW + 24 * HOUR
    third_working_day = datetime(2026, 3, 27, 9, 30, tzinfo=UTC)
    assert task(file(level="yellow")).due_at == task(file(level="blue")).due_at == third_working_day


def test_working_days_come_from_the_calendar() -> None:
    before_the_holidays = datetime(2026, 9, 30, 2, 0, tzinfo=UTC)
    assert task(file(), known_at=before_the_holidays).due_at == datetime(2026, 10, 10, 9, 30, tzinfo=UTC)


def test_a_year_without_a_calendar_makes_the_due_time_provisional() -> None:
    assert task(file(), known_at=datetime(2027, 3, 24, 2, 0, tzinfo=UTC)).provisional


def test_the_same_reason_twice_is_one_task_and_another_reason_is_another() -> None:
    case = file()
    first = task(case)
    again = settled(case, (first,), opening(known_at=NOW + HOUR), opening("carer_death"), opening("carer_death"))
    assert [one.trigger for one in again.opened] == ["carer_death"]
    assert (again.moved, again.ended) == ((), ())


def test_a_review_whose_clock_runs_elsewhere_keeps_that_time_and_has_no_clock_of_its_own() -> None:
    due = NOW + timedelta(days=9)
    [review] = settled(file(), (), opening("scheduled_review", NOW, due)).opened
    assert (review.due_at, review.alarmed) == (due, False)


def test_a_higher_level_brings_a_task_forward_and_a_lower_one_leaves_it() -> None:
    first = task(file(level="blue"))
    [raised] = settled(file(level="red"), (first,), now=NOW + HOUR).moved
    assert (raised.due_at, raised.level) == (NOW + 25 * HOUR, "red")
    [lowered] = settled(file(level="yellow"), (raised,), now=NOW + 2 * HOUR).moved
    assert (lowered.due_at, lowered.level) == (raised.due_at, "yellow")


def test_a_level_raised_late_does_not_give_more_time() -> None:
    first = task(file(level="yellow"))
    [raised] = settled(file(level="orange"), (first,), now=first.due_at - HOUR).moved
    assert raised.due_at == first.due_at


def test_an_assessment_answers_what_was_known_by_then_and_keeps_how_late_it_was() -> None:
    case = file(level="red")
    early, later = task(case), task(case, "carer_death", NOW + 30 * HOUR)
    made = Assessed(NOW + 26 * HOUR, WORKER, id_of("assessment"))
    outcome = settled(case, (early, later), now=NOW + 31 * HOUR, assessed=made)
    [ended] = outcome.ended
    assert (ended.task, ended.outcome, ended.late_seconds, ended.by) == (early, "assessed", 2 * 3600, WORKER)


def test_the_closure_ends_every_task_and_opens_none() -> None:
    first = task(file())
    outcome = settled(file(state="closed", provisional=True), (first,), opening("carer_death"), scored=True)
    assert [(one.task, one.outcome) for one in outcome.ended] == [(first, "case_closed")]
    assert outcome.opened == ()


def test_a_task_of_an_earlier_round_is_superseded() -> None:
    first = task(file())
    [ended] = settled(file(response_no=2), (first,)).ended
    assert ended.outcome == "superseded"


# Fact-finding ----------------------------------------------------------------------------------------------------


def fact_finding(level: str = "yellow") -> Task:
    [opened] = settled(file(level=level, provisional=True), scored=True).opened
    assert opened.trigger == FACT_FINDING
    return opened


def test_a_provisional_score_owes_fact_finding_from_the_last_moment_for_the_first_contact() -> None:
    assert fact_finding("red").due_at == NOW + 25 * HOUR
    assert fact_finding("orange").due_at == NOW + 36 * HOUR
    assert fact_finding("yellow").due_at == NOW + (72 + 72) * HOUR


def test_the_first_contact_starts_its_clock() -> None:
    thin = fact_finding()
    seen = file(provisional=True, child_seen_at=NOW + HOUR)
    [moved] = settled(seen, (thin,), now=NOW + HOUR).moved
    assert moved.due_at == NOW + 73 * HOUR
    assert settled(replace(seen, child_seen_at=NOW + 5 * HOUR), (moved,), now=NOW + 5 * HOUR).moved == ()


def test_a_re_score_before_anybody_saw_the_child_leaves_it_and_one_after_ends_it() -> None:
    thin, made = fact_finding(), Assessed(NOW + 2 * HOUR, WORKER, id_of("assessment"))
    unseen = file(provisional=True)
    assert settled(unseen, (thin,), assessed=made, scored=True, now=NOW + 2 * HOUR).ended == ()
    seen = replace(unseen, child_seen_at=NOW + HOUR)
    outcome = settled(seen, (thin,), assessed=made, scored=True, now=NOW + 2 * HOUR)
    assert [one.outcome for one in outcome.ended] == ["assessed"]
    assert outcome.opened == ()


def test_a_score_that_is_thin_no_longer_needs_no_fact_finding() -> None:
    [ended] = settled(file(), (fact_finding(),), scored=True).ended
    assert ended.outcome == "superseded"


def test_a_task_is_called_to_mind_before_it_is_due_however_short_its_time_became() -> None:
    first = task(file(level="orange"))
    assert reassessing.warning_at(first, POLICY) == NOW + 24 * HOUR * 0.8
    assert reassessing.warning_at(replace(first, due_at=NOW - HOUR), POLICY) == NOW - HOUR


# For every story -------------------------------------------------------------------------------------------------

TRIGGERS = st.sampled_from(["hospitalised", "carer_death", "new_report", "entry_refused"])
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("opens"), TRIGGERS),
        st.tuples(st.just("level"), levels),
        st.tuples(st.just("seen"), st.booleans()),
        st.tuples(st.just("thin"), st.booleans()),
        st.tuples(st.just("assessed"), st.booleans()),
    ),
    max_size=12,
)


@given(MOVES)
def test_one_task_per_reason_never_later_and_none_left_after_the_closure(moves: list[tuple[str, Any]]) -> None:
    case, running = file(), cast(dict[UUID, Task], {})
    for n, (kind, value) in enumerate(moves):
        now = NOW + n * HOUR
        made = None
        match kind:
            case "level":
                case = replace(case, level=value)
            case "seen":
                case = replace(case, child_seen_at=now if value else case.child_seen_at)
            case "thin":
                case = replace(case, provisional=value)
            case "assessed":
                made = Assessed(now, WORKER, id_of(f"{n}"))
            case _:
                assert kind == "opens"
        openings = (opening(value, now),) if kind == "opens" else ()
        outcome = settled(
            case, tuple(running.values()), *openings, now=now, assessed=made, scored=kind in ("thin", "assessed")
        )
        before = dict(running)
        for one in outcome.ended:
            del running[one.task.task_id]
        running |= {one.task_id: one for one in (*outcome.opened, *outcome.moved)}
        assert len({one.trigger for one in running.values()}) == len(running)
        assert all(running[key].due_at <= before[key].due_at for key in running.keys() & before.keys())
        if kind == "assessed":
            assert {one.trigger for one in running.values()} <= {FACT_FINDING}
    closed = settled(replace(case, state="closed"), tuple(running.values()), now=NOW + 99 * HOUR)
    assert {one.task.task_id for one in closed.ended} == running.keys()
