"""Providers, stations, duties and trainings: what follows from the township and the policy."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from contracts.access import ACTIONS, ALLOWED, Resource, Subject, decide, may
from contracts.access.doors import PROVIDERS_MAY
from contracts.policy import load_policy
from contracts.policy.duties import load_duties
from services.directory.domain.identity import Account, claims
from services.directory.domain.programme import Held, refused_reply, speaks_for, training_coverage, unit_of
from services.directory.domain.reference_file import UnusableFile, read_township
from services.directory.domain.snapshot import snapshot

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "tests" / "samples" / "township.yaml").read_text(encoding="utf-8")
SAMPLE = read_township(TEXT)
POLICY = load_policy("2026-11")
PV02 = Account("pv02", "person", "YX", organisation="PV02", posts=("provider",))


def test_a_provider_may_do_its_tasks_read_its_messages_and_nothing_else_whatever_it_asks() -> None:
    provider = Subject.from_claims(claims(PV02, SAMPLE))
    assert (provider.organisation, provider.department, set(provider.posts)) == ("PV02", None, {"provider"})
    assert {action for action in ACTIONS if may(provider, action)} == PROVIDERS_MAY
    own = Resource(township="YX", organisation="PV02", village="V01", departments={"civil_affairs": "lead"})
    assert {action for action in ACTIONS if decide(provider, action, own) == ALLOWED} == PROVIDERS_MAY


def test_the_post_of_a_provider_outweighs_every_other_post_and_department() -> None:
    mixed = Subject(
        "person", "x", "YX", organisation="YX-CA", department="civil_affairs",
        posts=frozenset({"provider", "admin", "civil_affairs_supervisor"}),
    )  # fmt: skip
    assert {action for action in ACTIONS if may(mixed, action)} == PROVIDERS_MAY


def test_a_provider_that_no_longer_takes_part_claims_nothing() -> None:
    ended = SAMPLE.model_copy(update={"providers": SAMPLE.providers[:1]})
    found = claims(PV02, ended)
    assert (found["org"], found["posts"], found["dept"], found["villages"]) == (None, [], None, [])


def test_providers_and_stations_are_announced_without_names_and_numbers() -> None:
    announced = snapshot(SAMPLE, 1, UUID(int=1))
    assert [(one.code, one.kind) for one in announced.providers] == [("PV01", "provider"), ("PV02", "volunteer_team")]
    assert announced.stations[0].model_dump() == {
        "code": "V01-ST", "village": "V01", "staff": ("ST002", "ST003"), "services": (),
    }  # fmt: skip
    assert len(announced.stations) == len(SAMPLE.villages)
    text = announced.model_dump_json()
    assert "0000006000" not in text
    assert "溪畔" not in text


def test_a_file_with_an_unknown_provider_kind_or_a_code_used_twice_is_refused() -> None:
    with pytest.raises(UnusableFile, match="kind"):
        read_township(TEXT.replace("kind: contractor", "kind: stranger", 1))
    with pytest.raises(UnusableFile, match="PV01: used twice"):
        read_township(TEXT.replace("code: PV02", "code: PV01", 1))


def test_every_duty_of_a_department_in_the_plan_is_listed_for_a_department_of_the_policy() -> None:
    asked = yaml.safe_load((ROOT / "contracts" / "requirements.yaml").read_text(encoding="utf-8"))
    duties = load_duties()
    assert {one for one in asked if one.startswith("D-5.")} <= {duty.id for duty in duties.duties}
    assert {duty.department for duty in duties.duties} == set(POLICY.departments_by_code)
    assert len({one.code for one in duties.guardian_obligations}) == len(duties.guardian_obligations) > 0


def test_training_counts_per_village_and_topic_and_says_what_is_missing() -> None:
    held = [
        Held(("law", "law", "life_skills"), ("V01", "V02")),
        Held(("law",), ("V01",)),
        Held(("child_rights",), ("V02",)),
    ]
    found = training_coverage(held, ["V01", "V02", "V03"], POLICY.programme.training)
    rows = {row.village: row for row in found.villages}
    assert [(row.held, row.missing) for row in rows.values()] == [(2, 0), (2, 0), (0, 2)]
    assert rows["V01"].topics == {"law": 2, "life_skills": 1}
    assert len(rows["V03"].topics_missing) == 6
    assert found.topics_missing == ("disease_prevention", "anti_abduction", "self_protection")


@pytest.mark.parametrize(
    ("kind", "subject", "unit"),
    [
        ("village", "V01", "V01-VC"),
        ("department", "school", "school"),
        ("person", "ST002", "V01-VC"),
        ("village", "V99", None),
        ("department", "court", None),
        ("person", "ST999", None),
    ],
)
def test_an_appraisal_is_answered_by_the_unit_it_is_about(kind: str, subject: str, unit: str | None) -> None:
    assert unit_of(kind, subject, SAMPLE) == unit  # type: ignore[arg-type]  # the parameters are the literals


def test_only_the_own_unit_speaks_for_itself() -> None:
    clinic = Subject("person", "a", "YX", organisation="YX-HC", department="health")
    assert speaks_for(clinic, "department", "health")
    assert not speaks_for(clinic, "village", "V01-VC")
    assert not speaks_for(clinic, "department", "police")


def test_a_reply_is_taken_once_within_its_period_and_never_for_praise() -> None:
    due = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)
    assert refused_reply("recorded", due, due) is None
    assert refused_reply("recorded", due, due + timedelta(seconds=1)) == "reply_period_over"
    assert refused_reply("replied", due, due) == "already_replied"
    assert refused_reply("withdrawn", due, due) == "appraisal_withdrawn"
    assert refused_reply("final", due, due) == "appraisal_final"
    assert refused_reply("final", None, due) == "no_reply_to_commendation"


def test_every_code_of_the_sample_is_in_the_policy() -> None:
    known = {*POLICY.assistance.by_code, *(kind.code for kind in POLICY.placement.kinds)}
    assert {code for one in SAMPLE.providers for code in one.services} <= known
