"""The vault's cryptography: what opens, what does not, and what two values share."""

import base64
from uuid import UUID

import pytest

from services.intake.vault import DataKey, FileKey, Unreadable, Vault

CHILD, OTHER, ROW = UUID(int=1), UUID(int=2), UUID(int=3)
MASTER = bytes(range(32))


@pytest.fixture
def vault() -> Vault:
    return Vault(FileKey(MASTER.hex()))


def test_a_sealed_value_opens_with_its_stored_key(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    sealed = key.seal("vault_child", ROW, "name", "彭乐乐")
    again = Vault(FileKey(base64.b64encode(MASTER).decode())).key(CHILD, key.version, key.wrapped)
    assert again.open("vault_child", ROW, "name", sealed) == "彭乐乐"


def test_a_value_opens_in_its_own_table_row_and_field_only(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    sealed = key.seal("vault_child", ROW, "name", "彭乐乐")
    for place in (("vault_text", ROW, "name"), ("vault_child", CHILD, "name"), ("vault_child", ROW, "phone")):
        with pytest.raises(Unreadable):
            key.open(*place, sealed)


def test_an_altered_value_or_an_unknown_suite_does_not_open(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    sealed = key.seal("t", ROW, "f", "v")
    for wrong in (sealed[:-1] + bytes([sealed[-1] ^ 1]), b"\x02" + sealed[1:], b"", sealed[:5]):
        with pytest.raises(Unreadable):
            key.open("t", ROW, "f", wrong)


def test_a_key_does_not_open_for_another_child_another_version_or_under_another_master(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    with pytest.raises(Unreadable):
        vault.key(OTHER, key.version, key.wrapped)
    with pytest.raises(Unreadable):
        vault.key(CHILD, key.version + 1, key.wrapped)
    with pytest.raises(Unreadable):
        Vault(FileKey("11" * 32)).key(CHILD, key.version, key.wrapped)


def test_the_version_of_the_master_key_is_part_of_a_values_place(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    sealed = key.seal("t", ROW, "f", "v")
    with pytest.raises(Unreadable):
        DataKey(CHILD, key.version + 1, key.wrapped, key.cipher).open("t", ROW, "f", sealed)


def test_the_same_value_is_sealed_differently_each_time(vault: Vault) -> None:
    key = vault.new_key(CHILD)
    assert key.seal("t", ROW, "f", "v") != key.seal("t", ROW, "f", "v")


def test_marks_are_short_and_differ_by_value_by_kind_and_by_master_key(vault: Vault) -> None:
    marks = [
        vault.mark("sound", "甲"),
        vault.mark("sound", "乙"),
        vault.mark("phone", "甲"),
        Vault(FileKey("11" * 32)).mark("sound", "甲"),
    ]
    assert len(set(marks)) == len(marks)
    assert {len(mark) for mark in marks} == {16}
    assert vault.mark("sound", "甲") == marks[0]


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, base64.b64encode(b"1" * 31).decode()])
def test_a_master_key_that_is_no_32_bytes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FileKey(text)
