"""`load`: brings a township's reference file into the directory. Loading the same file again changes nothing; accounts and
their secrets are kept for ever, and the accounts of people who left are closed."""

import argparse
import asyncio
import hmac
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.log import logger
from chassis.transaction import Cause, Transaction
from contracts.vocabulary import SYSTEM
from services.directory import accounts, store
from services.directory.domain.alerts import alerts
from services.directory.domain.identity import PROVIDER, SCOPES, Account
from services.directory.domain.reference_file import UnusableFile, read_township
from services.directory.domain.township import Township
from services.directory.passwords import Passwords
from services.directory.settings import Settings

log = logger(__name__)
SHOWN_POSTS = (
    "hotline_operator",
    "civil_affairs_supervisor",
    "child_supervisor",
    "responsible_leader",
    "grid_head",
    "child_director",
    "grid_member",
    "lead_department",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load did. `secrets` are the secrets of new accounts, to be shown once."""

    township: Township
    changed: bool
    added: tuple[str, ...]
    closed: tuple[str, ...]
    secrets: Mapping[str, str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`load <file> [--demo-passwords]`."""
    parser.description = "load a township reference file"
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--demo-passwords",
        action="store_true",
        help="give every new account the sample password; never where real people work",
    )


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Load and say what happened; 1 when the file cannot be used."""
    text = await asyncio.to_thread(arguments.file.read_text, encoding="utf-8")
    database = await Database.open(settings.database_url, name="directory load", pool_max=2)
    try:
        outcome = await load(database, text, settings, demo=arguments.demo_passwords)
    except UnusableFile as fault:
        sys.stderr.write(f"{arguments.file}: {fault}\n")
        return 1
    finally:
        await database.close()
    sys.stdout.writelines(f"{line}\n" for line in _report(outcome, settings, demo=arguments.demo_passwords))
    return 0


async def load(database: Database, text: str, settings: Settings, *, demo: bool) -> Outcome:
    """Save, announce and give everybody an account, in one commit. Raises UnusableFile."""
    township = read_township(text)
    digest = sha256(text.encode()).hexdigest()
    plain = dict(_secrets(township, settings, demo=demo))
    people = [account async for account in _with_hashes(township, plain)]
    identity = new_uuid7()
    async with database.transaction(Cause(identity, str(identity))) as tx:
        await tx.lock([township.code])
        changed = await store.source_digest(tx.db, township.code) != digest
        closed = await _replace(tx, township, digest) if changed else []
        added = await accounts.add_accounts(tx, people)
        if changed or added:
            detail = {"changed": changed, "accounts_added": len(added), "accounts_closed": len(closed)}
            tx.audit(township.code, "township.load", SYSTEM.model_dump(), detail)
    for alert in alerts(township):
        log.warning("directory_alert", kind=alert.kind, post=alert.post, place=alert.place, minutes=alert.minutes)
    shown = {name: plain[name] for name in added if name in plain}
    return Outcome(township, changed, tuple(added), tuple(closed), shown)


async def _replace(tx: Transaction, township: Township, digest: str) -> list[str]:
    await store.save_township(tx, township, digest)
    await store.announce(tx, township.code)
    return await accounts.disable_leavers(tx, township)


def accounts_of(township: Township) -> Iterator[Account]:
    """The administrator, the auditor, one account per staff member and provider, one API client per department's unit."""
    yield Account("admin", "person", township.code, posts=("admin",))
    yield Account("auditor", "person", township.code, posts=("auditor",))
    for person in township.staff:
        yield Account(person.id.lower(), "person", township.code, staff=person.id)
    for provider in township.providers:
        yield Account(provider.code.lower(), "person", township.code, organisation=provider.code, posts=(PROVIDER,))
    for unit in township.organisations:
        if unit.department is not None:
            name = f"client-{unit.code.lower()}"
            yield Account(name, "client", township.code, organisation=unit.code, scopes=tuple(sorted(SCOPES)))


def _secrets(township: Township, settings: Settings, *, demo: bool) -> Iterator[tuple[str, str]]:
    seed = settings.demo_seed.get_secret_value().encode() if demo and settings.demo_seed else None
    for account in accounts_of(township):
        if account.kind == "client":
            made = hmac.new(seed, account.name.encode(), sha256).hexdigest() if seed else secrets.token_hex(32)
            yield account.name, made
        elif demo:
            yield account.name, settings.demo_password.get_secret_value()
        elif account.name == "admin":
            yield account.name, secrets.token_urlsafe(18)


async def _with_hashes(township: Township, plain: Mapping[str, str]) -> AsyncIterator[Account]:
    passwords = Passwords()
    made: dict[str, str] = {}  # the sample's accounts share one password, which is hashed once
    for account in accounts_of(township):
        secret = plain.get(account.name)
        if secret is None:
            yield account
            continue
        if secret not in made:
            made[secret] = await passwords.hash(account.kind, secret)
        yield replace(account, secret_hash=made[secret])


def _report(outcome: Outcome, settings: Settings, *, demo: bool) -> Iterator[str]:
    township = outcome.township
    yield (
        f"{township.label.zh} {township.label.en}: {len(township.villages)} 村/社区 villages, {len(township.groups)} 组 groups, "
        f"{len(township.staff)} 人 staff; {'已更新 updated' if outcome.changed else '无变化 unchanged'}"
    )
    for alert in alerts(township):
        yield f"! {alert.kind} {alert.post or ''} {alert.place}"
    if demo:
        yield f"密码 password (样例 sample): {settings.demo_password.get_secret_value()}"
        yield from _logins(township)
    for name, secret in outcome.secrets.items():
        if name.startswith("client-") or not demo:
            yield f"{name}  {secret}"


def _logins(township: Township) -> Iterator[str]:
    yield "admin  管理员 administrator"
    yield "auditor  审计员 auditor"
    for provider in township.providers:
        yield f"{provider.code.lower()}  {provider.kind}  {provider.label.zh} {provider.label.en}"
    for post in SHOWN_POSTS:
        holder = next((person for person in township.staff if post in person.posts), None)
        unit = township.organisation(holder.organisation) if holder else None
        if holder and unit:
            yield f"{holder.id.lower()}  {post}  {unit.label.zh} {unit.label.en}"
