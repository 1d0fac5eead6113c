"""Telling children apart: how names sound, which keys find a record again, how alike two records are and why."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import load_policy
from services.intake.domain.matching import (
    PROVING,
    Likeness,
    Particulars,
    birth_of,
    keys,
    likeness,
    phone_key,
    sound_id,
)
from services.intake.domain.names import fold, initials, sounds
from services.intake.domain.placing import Candidate, surely

RULE = load_policy("2026-11").risk.duplicate_rule
TODAY = date(2026, 11, 24)
BORN = date(2019, 11, 2)
SOUND_ID = "33010620200125001X"
SLIPPED_ID = "330000202001250019"


def child(
    name: str | None = "彭乐乐",
    born: date | None = BORN,
    village: str | None = "V06",
    sex: str | None = None,
    id_number: str | None = None,
    phones: Sequence[str] = (),
    guardian: str | None = None,
) -> Particulars:
    return Particulars.of(
        name=name,
        birth_date=born,
        sex=sex,
        id_number=id_number,
        phones=phones,
        guardian_ids=(guardian,),
        villages=(village,),
    )


def alike(one: Particulars, other: Particulars) -> Likeness:
    return likeness(one, other, RULE, TODAY)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("单小雨", "shanxiaoyu"),
        ("仇英", "qiu ying"),
        ("解放", "xiefang"),
        ("曾一鸣", "Zeng Yiming"),
        ("尉迟恭", "yuchigong"),
        ("区小凤", "ouxiaofeng"),
        ("吕布", "lvbu"),
        ("单小雨", "danxiaoyu"),
    ],
)
def test_a_surname_is_read_as_a_surname_and_typed_pinyin_finds_it(name: str, typed: str) -> None:
    assert fold(typed.replace(" ", "").casefold()) in sounds(name)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [("张兰", "章南"), ("陈思思", "程诗诗"), ("彭乐乐", "朋勒勒"), ("林静", "凌晶"), ("单雨", "山雨")],
)
def test_names_that_sound_alike_on_the_telephone_share_a_sound(heard: str, meant: str) -> None:
    assert set(sounds(heard, wide=True)) & set(sounds(meant, wide=True))


def test_a_character_that_comes_twice_is_read_one_way() -> None:
    assert sounds("彭乐乐") == (fold("penglele"), fold("pengyueyue"))


def test_initials_tell_zhang_hai_from_zhao_and_keep_what_is_latin() -> None:
    assert initials("张海") == ("zh",)
    assert initials("样例12") == ("yl12",)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("+86 138-0013-8000", "13800138000"),
        ("008613800138000", "１３８ 0013 8000"),
        ("0571-8888 1234", "+86 571 88881234"),
        ("000-1234-5678", "00012345678"),
    ],
)
def test_one_telephone_number_has_one_key_however_it_is_written(one: str, same: str) -> None:
    assert phone_key(one) == phone_key(same)


def test_an_id_number_with_a_slip_in_it_is_not_sound() -> None:
    assert (sound_id(SOUND_ID), sound_id(SLIPPED_ID), sound_id("123")) == (True, False, False)
    assert (birth_of(SOUND_ID), birth_of(SLIPPED_ID)) == (date(2020, 1, 25), None)


@pytest.mark.parametrize(
    ("other", "percent", "reasons"),
    [
        (child(), 100, ("name", "birth_date", "village")),
        (child("彭 乐 乐"), 100, ("name", "birth_date", "village")),
        (child("彭勒勒"), 97, ("name_sound", "birth_date", "village")),
        (child("乐乐"), 90, ("name_similar", "birth_date", "village")),
        (child("彭小乐"), 83, ("name_similar", "birth_date", "village")),
        (child(born=date(2019, 2, 11)), 82, ("name", "birth_date_similar", "village")),
        (child(village="V01"), 85, ("name", "birth_date")),
        (child(village=None), 89, ("name", "birth_date")),
        (child(born=None), 82, ("name", "village")),
        (child("王五", date(2012, 1, 1)), 21, ("village",)),
    ],
)
def test_the_likeness_of_two_records_and_why(other: Particulars, percent: int, reasons: tuple[str, ...]) -> None:
    found = alike(child(), other)
    assert (found.percent, found.reasons) == (percent, reasons)


def test_another_sex_leaves_the_decision_to_a_person() -> None:
    found = alike(child(sex="male"), child(sex="female"))
    assert (found.percent, found.against) == (RULE.threshold_percent - 1, ("sex",))


def test_a_sound_id_number_of_a_minor_proves_and_another_one_disproves() -> None:
    same = alike(child("甲", None, None, id_number=SOUND_ID), child("赵六", None, "V02", id_number=SOUND_ID.lower()))
    other = alike(child(id_number=SOUND_ID), child(id_number="33010620200125002X"))
    assert (same.percent, same.reasons[0]) == (100, "id_number")
    assert sound_id("33010620200125002X")
    assert other.percent < RULE.suggest_percent
    assert other.against == ("id_number",)


def test_an_id_number_that_is_a_grown_ups_or_has_a_slip_proves_nothing_alone() -> None:
    adult = "330106198001250015"
    assert sound_id(adult)
    for number in (adult, SLIPPED_ID):
        found = alike(child("甲", None, None, id_number=number), child("赵六", None, "V02", id_number=number))
        assert RULE.suggest_percent <= found.percent < RULE.threshold_percent
    assert alike(child("彭乐乐", None, None, id_number=SLIPPED_ID), child(id_number=SLIPPED_ID)).percent == 100


def test_a_shared_telephone_never_lifts_a_record_over_the_threshold_but_shows_the_household() -> None:
    sister = alike(child(phones=["13800138000"]), child("彭丽", date(2015, 1, 1), phones=["+86 138 0013 8000"]))
    near = alike(child(phones=["13800138000"]), child(village=None, phones=["13800138000"]))
    guardian = alike(child(guardian=SOUND_ID), child("彭丽", date(2015, 1, 1), "V01", guardian=SOUND_ID))
    assert sister.percent < RULE.suggest_percent
    assert sister.household
    assert guardian.household
    assert near.percent == RULE.threshold_percent - 1


names = st.text(alphabet="彭乐单仇解王子涵思琪小雨张兰", min_size=2, max_size=4)
births = st.dates(date(2009, 1, 1), date(2026, 1, 1))
villages = st.sampled_from(["V01", "V06", "V12"])


@settings(max_examples=100)
@given(names, births, villages, st.sampled_from(["name", "birth_date", "village"]), names, births, villages)
def test_a_record_wrong_in_one_particular_still_shares_a_key(
    name: str, born: date, village: str, wrong: str, other_name: str, other_born: date, other_village: str
) -> None:
    right = child(name, born, village)
    changes = {"name": other_name, "birth_date": other_born, "village": other_village}
    slipped = replace(
        right, **({"villages": frozenset({other_village})} if wrong == "village" else {wrong: changes[wrong]})
    )
    shared = {key for key in keys(right) if key[0] in PROVING} & set(keys(slipped, wide=True))
    assert shared


@settings(max_examples=100)
@given(names, births, villages, names, births, villages)
def test_likeness_is_the_same_both_ways_and_says_no_value(
    name: str, born: date, village: str, other_name: str, other_born: date, other_village: str
) -> None:
    one, other = child(name, born, village), child(other_name, other_born, other_village)
    there, back = alike(one, other), alike(other, one)
    assert abs(there.percent - back.percent) <= 1
    assert 0 <= there.percent <= 100
    assert not {name, other_name, born.isoformat(), village} & {*there.reasons, *there.against}


# Who a report is surely about ----------------------------------------------------------------------------------------

FAMILY, ELSEWHERE = UUID(int=1), UUID(int=2)


def candidate(person: int, percent: int, *reasons: str, family: UUID | None = FAMILY, born: date = BORN) -> Candidate:
    return Candidate(UUID(int=person), Likeness(percent, reasons, exact_name="name" in reasons), family, born)


def test_the_threshold_decides_who_is_surely_the_same() -> None:
    assert surely([candidate(7, 90)], RULE) == candidate(7, 90)
    assert surely([candidate(7, 89)], RULE) is None
    assert surely([], RULE) is None


def test_two_children_above_the_threshold_are_a_doubt_that_only_an_id_number_settles() -> None:
    two = [candidate(7, 100, "name"), candidate(8, 100, "name", family=ELSEWHERE)]
    proven = candidate(9, 100, "id_number")
    assert surely(two, RULE) is None
    assert surely([*two, proven], RULE) == proven


def test_full_agreement_goes_before_a_similar_sound() -> None:
    exact = candidate(7, 100, "name")
    assert (
        surely([candidate(8, 97, "name_sound"), exact, candidate(9, 97, "name_sound", family=ELSEWHERE)], RULE) == exact
    )


def test_a_twin_in_the_family_is_a_doubt_unless_the_name_is_exact() -> None:
    twin = candidate(8, 85, "name_similar")
    assert surely([candidate(7, 97, "name_sound"), twin], RULE) is None
    assert surely([candidate(7, 100, "name"), twin], RULE) == candidate(7, 100, "name")
    older = candidate(8, 60, born=BORN - timedelta(days=400))
    assert surely([candidate(7, 97, "name_sound"), older], RULE) == candidate(7, 97, "name_sound")


def test_children_who_only_stand_on_a_register_are_no_twins_of_each_other() -> None:
    known = candidate(7, 97, "name_sound", family=None)
    assert surely([known, candidate(8, 80, "name_similar", family=None)], RULE) == known
