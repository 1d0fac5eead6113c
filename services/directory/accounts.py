"""Tables and statements of accounts: logins, API clients, and failed attempts to use them."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from chassis.transaction import Connection, Transaction
from services.directory.domain.identity import FORGET_AFTER, Account
from services.directory.domain.township import Township
from services.directory.store.tables import Table


class AccountRow(Table, table=True):
    """A login or an API client. `secret_hash`: argon2 of a person's password, SHA-256 of a client's random secret."""

    __tablename__ = "account"
    name: str = Field(primary_key=True)
    kind: str
    township: str = Field(index=True)
    staff: str | None
    organisation: str | None
    posts: list[str] = Field(sa_type=JSONB)
    scopes: list[str] = Field(sa_type=JSONB)
    secret_hash: str | None
    disabled_at: datetime | None = Field(sa_type=DateTime(timezone=True))
    session: int
    version: int
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class LoginFailureRow(Table, table=True):
    """Failed attempts by the name that was tried, whether or not it exists."""

    __tablename__ = "login_failure"
    name: str = Field(primary_key=True)
    failures: int
    last_at: datetime = Field(sa_type=DateTime(timezone=True))


_ACCOUNT = ", ".join(field.name for field in fields(Account))


async def find_account(db: Connection, name: str) -> Account | None:
    """The account of that name."""
    row = await db.fetchrow(f"SELECT {_ACCOUNT} FROM account WHERE name = $1", name)  # noqa: S608 - our names
    return None if row is None else _account(row)


async def list_accounts(db: Connection, township: str, after: str, limit: int) -> list[Account]:
    """Accounts by name, after one name."""
    rows = await db.fetch(
        f"SELECT {_ACCOUNT} FROM account WHERE township = $1 AND name > $2 ORDER BY name LIMIT $3",  # noqa: S608
        township,
        after,
        limit,
    )
    return [_account(row) for row in rows]


def _account(row: Any) -> Account:
    values = dict(row)
    return Account(**{**values, "posts": tuple(values["posts"]), "scopes": tuple(values["scopes"])})


async def add_accounts(tx: Transaction, accounts: Sequence[Account]) -> list[str]:
    """Add the accounts whose names are still free; returns those names."""
    rows = [{**asdict(account), "created_at": tx.now.isoformat()} for account in accounts]
    added = await tx.db.fetch(
        """
        INSERT INTO account SELECT * FROM jsonb_populate_recordset(NULL::account, $1::jsonb)
        ON CONFLICT (name) DO NOTHING RETURNING name
        """,
        rows,
    )
    return [row["name"] for row in added]


async def set_secret(tx: Transaction, name: str, secret_hash: str) -> int:
    """Give an account another secret and end its sessions; returns the new version."""
    version: int = await tx.db.fetchval(
        "UPDATE account SET secret_hash = $2, session = session + 1, version = version + 1 WHERE name = $1 RETURNING version",
        name,
        secret_hash,
    )
    return version


async def disable_account(tx: Transaction, name: str) -> int:
    """Close an account for good and end its sessions; returns the new version."""
    version: int = await tx.db.fetchval(
        """
        UPDATE account SET disabled_at = coalesce(disabled_at, $2), session = session + 1, version = version + 1
        WHERE name = $1 RETURNING version
        """,
        name,
        tx.now,
    )
    return version


async def disable_leavers(tx: Transaction, township: Township) -> list[str]:
    """Close the accounts of people and units that are no longer in the township; returns their names."""
    rows = await tx.db.fetch(
        """
        UPDATE account SET disabled_at = $2, session = session + 1, version = version + 1
        WHERE township = $1 AND disabled_at IS NULL
            AND (staff <> ALL($3::text[]) OR organisation <> ALL($4::text[]))
            AND NOT EXISTS (
                SELECT FROM provider p WHERE p.township = $1 AND p.code = account.organisation AND p.ended_at IS NULL
            )
        RETURNING name
        """,
        township.code,
        tx.now,
        [person.id for person in township.staff],
        [unit.code for unit in township.organisations],
    )
    return [row["name"] for row in rows]


async def disable_provider(tx: Transaction, township: str, code: str) -> None:
    """Close the accounts of a provider that no longer takes part."""
    await tx.db.execute(
        """
        UPDATE account SET disabled_at = $3, session = session + 1, version = version + 1
        WHERE township = $1 AND organisation = $2 AND disabled_at IS NULL
        """,
        township,
        code,
        tx.now,
    )


async def login_failures(db: Connection, name: str) -> tuple[int, datetime, datetime]:
    """How often this name failed lately, when last, and the database's time now."""
    row = await db.fetchrow(
        """
        SELECT app_now() AS now, f.failures, f.last_at
        FROM (SELECT 1) AS one LEFT JOIN login_failure f ON f.name = $1 AND f.last_at > app_now() - $2::interval
        """,
        name,
        FORGET_AFTER,
    )
    assert row is not None
    return row["failures"] or 0, row["last_at"] or row["now"], row["now"]


async def record_login(tx: Transaction, name: str, *, succeeded: bool) -> None:
    """Count a failed attempt, or forget the failures after a good one. Forgotten names are swept here too."""
    if succeeded:
        await tx.db.execute("DELETE FROM login_failure WHERE name = $1", name)
        return
    await tx.db.execute("DELETE FROM login_failure WHERE last_at < $1", tx.now - FORGET_AFTER)
    await tx.db.execute(
        """
        INSERT INTO login_failure (name, failures, last_at) VALUES ($1, 1, $2)
        ON CONFLICT (name) DO UPDATE SET failures = login_failure.failures + 1, last_at = excluded.last_at
        """,
        name,
        tx.now,
    )
