"""Signing keys, and secrets at rest."""

import stat
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from starlette.datastructures import FormData

from chassis.auth import InvalidToken, Verifier
from services.directory.oauth import Refused, read_attempt
from services.directory.passwords import LONGEST, Passwords, too_weak
from services.directory.tokens import Issuer, UnusableKey, new_key, read_keys, write_keys


def issuer_of(path: Path) -> Issuer:
    return Issuer(read_keys(path.read_bytes()), "shouwang", "shouwang-api")


def test_the_key_file_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    assert write_keys(path, rotate=False)
    made = path.read_bytes()
    assert not write_keys(path, rotate=False)
    assert path.read_bytes() == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_after_a_rotation_old_tokens_stay_valid_and_new_ones_use_the_new_key(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    write_keys(path, rotate=False)
    before = issuer_of(path)
    old = before.issue({"sub": "st001"}, timedelta(hours=1))
    write_keys(path, rotate=True)
    after = issuer_of(path)
    new = after.issue({"sub": "st001"}, timedelta(hours=1))
    verifier = Verifier(after.read_jwks, "shouwang", "shouwang-api")
    assert (await verifier.verify(old))["sub"] == (await verifier.verify(new))["sub"] == "st001"
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    with pytest.raises(InvalidToken):
        await Verifier(before.read_jwks, "shouwang", "shouwang-api").verify(new)


def test_published_keys_have_no_private_part(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    write_keys(path, rotate=False)
    assert b'"d"' not in issuer_of(path).jwks()


def test_the_id_of_a_key_depends_on_the_key_alone() -> None:
    pem = new_key()
    assert read_keys(pem)[0].kid == read_keys(b"\n" + pem + new_key())[0].kid


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_without_usable_keys_is_refused(content: bytes) -> None:
    with pytest.raises(UnusableKey):
        read_keys(content)


def test_a_key_on_another_curve_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(UnusableKey):
        read_keys(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.mark.parametrize("kind", ["person", "client"])
async def test_a_secret_is_stored_so_that_only_the_same_secret_fits(kind: str) -> None:
    passwords = Passwords()
    stored = await passwords.hash("client" if kind == "client" else "person", "correct horse battery")
    assert "correct" not in stored
    assert await passwords.check(stored, "correct horse battery")
    assert not await passwords.check(stored, "correct horse batterz")


@pytest.mark.parametrize("stored", [None, "", "not a hash"])
async def test_an_account_without_a_usable_secret_fits_nothing(stored: str | None) -> None:
    passwords = Passwords()
    for secret in ("", "nobody has this password", "x" * (LONGEST + 1)):
        assert not await passwords.check(stored, secret)


def test_short_long_and_self_naming_secrets_are_weak() -> None:
    assert too_weak("person", "st001", "short")
    assert too_weak("person", "st001", "my name is ST001 indeed")
    assert too_weak("client", "client-a", "x" * 31)
    assert too_weak("person", "st001", "x" * (LONGEST + 1))
    assert not too_weak("person", "st001", "long enough words")


@pytest.mark.parametrize(
    ("form", "authorization", "error"),
    [
        ({}, "", "invalid_request"),
        ({"grant_type": "implicit"}, "", "unsupported_grant_type"),
        ({"grant_type": "password", "username": "st001"}, "", "invalid_request"),
        ({"grant_type": "client_credentials"}, "", "invalid_client"),
        ({"grant_type": "client_credentials"}, "Basic !!!", "invalid_client"),
        ({"grant_type": "client_credentials", "client_secret": "b"}, "Basic YTpi", "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "everything"}, "Basic YTpi", "invalid_scope"),
    ],
)
def test_an_unusable_token_request_is_refused_in_the_words_of_the_standard(
    form: dict[str, str], authorization: str, error: str
) -> None:
    with pytest.raises(Refused) as refused:
        read_attempt(FormData(form), authorization)
    assert refused.value.body["error"] == error


def test_basic_credentials_are_form_decoded() -> None:
    attempt = read_attempt(FormData({"grant_type": "client_credentials"}), "Basic Y2xpZW50LUE6YSUzQWI=")
    assert (attempt.name, attempt.secret) == ("client-a", "a:b")
