"""How messages leave: folding after a storm, retries that spread, texts that say no more than they may."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_policy
from services.notification.domain.delivery import RETRY_LONGEST, Parcel, Waiting, next_attempt_at, parcels
from services.notification.domain.texts import TITLES, outside_text, title

NOW = datetime(2026, 3, 24, 6, 20, tzinfo=UTC)
CASE, OTHER_CASE = uuid5(NAMESPACE_URL, "case"), uuid5(NAMESPACE_URL, "other case")


def waiting(name: str, **changes: Any) -> Waiting:
    content: dict[str, Any] = {
        "id": uuid5(NAMESPACE_URL, name), "case_id": CASE, "township": "YX", "recipient_kind": "staff",
        "recipient": "ST092", "channel": "call", "kind": "deadline_breached", "template": "case_and_level",
        "params": {"case_number": "YX-1", "level": "red"}, "level": "red", "urgency": 3, "attempts": 1,
        "created_at": NOW, "notice_id": uuid5(NAMESPACE_URL, f"notice of {name}"),
    }  # fmt: skip
    return Waiting(**content | changes)


def sizes(found: tuple[Parcel, ...]) -> list[int]:
    return [len(parcel.ids) for parcel in found]


def test_repeats_of_one_minute_to_one_person_about_one_case_go_out_as_one() -> None:
    storm = [waiting(str(n), created_at=NOW + timedelta(seconds=n)) for n in range(50)]
    (parcel,) = parcels(storm)
    assert len(parcel.folded) == 49


def test_what_differs_in_person_channel_case_or_minute_goes_out_by_itself() -> None:
    alone = [
        waiting("a"),
        waiting("b", recipient="ST093"),
        waiting("c", channel="sms"),
        waiting("d", case_id=OTHER_CASE),
        waiting("e", created_at=NOW + timedelta(seconds=61)),
    ]
    assert sizes(parcels(alone)) == [1, 1, 1, 1, 1]


def test_the_highest_risk_goes_first_and_carries_the_others() -> None:
    found = parcels(
        [waiting("low", urgency=1), waiting("high", urgency=3), waiting("else", urgency=2, case_id=OTHER_CASE)]
    )
    assert [parcel.carrier.id for parcel in found] == [waiting("high").id, waiting("else").id]
    assert [message.id for message in found[0].folded] == [waiting("low").id]


def test_notices_to_outside_bodies_and_messages_without_a_case_never_fold() -> None:
    assert sizes(parcels([waiting("a", recipient_kind="external"), waiting("b", recipient_kind="external")])) == [1, 1]
    assert sizes(parcels([waiting("a", case_id=None), waiting("b", case_id=None)])) == [1, 1]


MESSAGES = st.builds(
    lambda n, person, channel, case, urgency, second: waiting(
        f"{n}",
        recipient=person,
        channel=channel,
        case_id=case,
        urgency=urgency,
        created_at=NOW + timedelta(seconds=second),
    ),
    st.integers(0, 10_000),
    st.sampled_from(["ST092", "ST093"]),
    st.sampled_from(["call", "sms"]),
    st.sampled_from([CASE, OTHER_CASE]),
    st.integers(0, 3),
    st.integers(0, 300),
)


@given(st.lists(MESSAGES, max_size=30, unique_by=lambda message: message.id))
def test_every_message_goes_out_exactly_once_and_none_goes_behind_a_lesser_one(messages: list[Waiting]) -> None:
    found = parcels(messages)
    sent = [message_id for parcel in found for message_id in parcel.ids]
    assert sorted(sent) == sorted(message.id for message in messages)
    assert [p.carrier.urgency for p in found] == sorted((p.carrier.urgency for p in found), reverse=True)
    assert all(message.urgency <= parcel.carrier.urgency for parcel in found for message in parcel.folded)


@given(st.uuids(), st.integers(1, 40))
def test_a_refused_message_waits_longer_each_time_up_to_a_limit(message_id: UUID, attempts: int) -> None:
    wait = next_attempt_at(message_id, attempts, NOW) - NOW
    assert timedelta(seconds=3) < wait <= RETRY_LONGEST * 1.25
    assert next_attempt_at(message_id, attempts + 1, NOW) - NOW >= wait


def test_messages_refused_together_do_not_come_back_in_step() -> None:
    again = {next_attempt_at(uuid5(NAMESPACE_URL, str(n)), 3, NOW) for n in range(100)}
    assert len(again) > 50


def test_a_text_for_the_outside_says_number_and_level_in_both_languages() -> None:
    text = outside_text({"case_number": "YX-2026-000101", "level": "red"}, load_policy("2026-11"))
    assert "YX-2026-000101" in text
    assert load_policy("2026-11").label("level", "red").zh in text


def test_every_kind_has_a_heading_in_both_languages_and_an_unknown_one_shows_its_code() -> None:
    assert all(label.zh and label.en for label in TITLES.values())
    assert title("of_a_newer_version").zh == "of_a_newer_version"
