"""Accounts for the administrator, the own password for everybody, and whose token this is."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints

from chassis.auth import guard, unauthenticated
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Subject, may
from services.directory import accounts, store, views
from services.directory.api.township import read_township
from services.directory.domain.identity import PROVIDER, Account
from services.directory.domain.township import Township
from services.directory.passwords import Passwords, too_weak

router = APIRouter(prefix="/api/v1")
Administrator = Annotated[Subject, guard("account.write")]
Own = Annotated[Subject, guard("session.own")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$")]


class AccountIn(BaseModel):
    """A person of the staff, a provider, or a department's API client. The secret is never shown again, so it comes from the caller."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "client-yx-ps-2", "kind": "client", "organisation": "YX-PS", "scopes": ["referrals:read"]},
                {"name": "st201", "kind": "person", "staff": "ST201"},
                {"name": "pv01", "kind": "person", "organisation": "PV01", "posts": ["provider"]},
            ]
        },
    )

    name: Name
    kind: Literal["person", "client"]
    staff: str | None = None
    organisation: str | None = None
    posts: list[Literal["admin", "auditor", "provider"]] = []
    scopes: list[Literal["referrals:read", "referrals:act", "reports:create", "events:read", "stats:read"]] = []
    secret: SecretStr | None = None


class SecretIn(BaseModel):
    """A new password or client secret. People changing their own also give the current one."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretStr
    current: SecretStr | None = None


@router.get("/accounts", tags=["accounts"])
async def list_accounts(subject: Administrator, db: Reading, paging: PageOf) -> Page[views.AccountView]:
    """Logins and API clients by name."""
    after = paging.after(str)
    found = await accounts.list_accounts(db, subject.township, after[0] if after else "", paging.fetch)
    return paging.page([views.account(one) for one in found], lambda view: (view.name,))


@router.post("/accounts", response_model=views.AccountView, status_code=201, tags=["accounts"])
async def create_account(body: AccountIn, subject: Administrator, runtime: RuntimeOf, command: CommandOf) -> Response:
    """Make a login or an API client. Without a secret it cannot be used until it is given one."""
    command.require_key()
    passwords: Passwords = runtime.resources["passwords"]
    _check_secret(body.kind, body.name, body.secret)
    secret_hash = await passwords.hash(body.kind, body.secret.get_secret_value()) if body.secret else None

    async def act(tx: Transaction) -> Reply:
        await tx.lock([_stream(body.name)])
        township = await store.load_township(tx.db, subject.township)
        if township is None:
            raise not_found()
        _check_holder(township, body)
        account = Account(
            name=body.name,
            kind=body.kind,
            township=subject.township,
            staff=body.staff,
            organisation=body.organisation,
            posts=tuple(body.posts),
            scopes=tuple(body.scopes),
            secret_hash=secret_hash,
        )
        if not await accounts.add_accounts(tx, [account]):
            raise conflict("name_taken", "账号名已被使用", "This name is taken")
        tx.audit(_stream(body.name), "account.create", subject.actor().model_dump(), {"account": body.name})
        return Reply(201, views.account(account), version=account.version, location=f"/api/v1/accounts/{body.name}")

    return await command.run(act, body)


@router.get("/accounts/{name}", response_model=views.AccountView, tags=["accounts"])
async def read_account(name: str, request: Request, subject: Administrator, db: Reading) -> Response:
    """One account."""
    account = await _account(db, name, subject)
    return versioned(request, views.account(account), account.version)


@router.post("/accounts/{name}/password", status_code=204, tags=["accounts"])
async def set_password(name: str, body: SecretIn, subject: Own, runtime: RuntimeOf, command: CommandOf) -> Response:
    """Give an account another secret and end its sessions: the administrator any, people their own with the current one."""
    passwords: Passwords = runtime.resources["passwords"]
    async with runtime.database.reading() as db:
        account = await _account(db, name, subject)
    if not may(subject, "account.write"):
        current = body.current.get_secret_value() if body.current else ""
        if account.name != subject.account or not await passwords.check(account.secret_hash, current):
            raise forbidden("current_secret_wrong")
    _check_secret(account.kind, name, body.secret)
    secret_hash = await passwords.hash(account.kind, body.secret.get_secret_value())

    async def act(tx: Transaction) -> Reply:
        await tx.lock([_stream(name)])
        if (await _account(tx.db, name, subject)).disabled_at is not None:
            raise conflict("account_disabled", "账号已停用", "The account is closed", current_state="disabled")
        version = await accounts.set_secret(tx, name, secret_hash)
        tx.audit(_stream(name), "account.secret", subject.actor().model_dump(), {"account": name})
        return Reply(204, version=version)

    return await command.run(act, body)


@router.delete("/accounts/{name}", status_code=204, tags=["accounts"])
async def disable_account(name: str, subject: Administrator, command: CommandOf) -> Response:
    """Close an account for good: no new tokens, and its sessions no longer count. It stays listed for the record."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        await tx.lock([_stream(name)])
        account = await _account(tx.db, name, subject)
        command.match(account.version)
        if name == subject.account:
            raise conflict("own_account", "不能停用自己的账号", "You cannot close your own account")
        version = await accounts.disable_account(tx, name)
        tx.audit(_stream(name), "account.disable", subject.actor().model_dump(), {"account": name})
        return Reply(204, version=version)

    return await command.run(act)


@router.get("/sessions/current", tags=["accounts"])
async def read_session(request: Request, subject: Own, db: Reading, runtime: RuntimeOf) -> views.SessionView:
    """Whose token this is; 401 once the account was closed or its secret changed, however long the token would still run."""
    account = await accounts.find_account(db, subject.account)
    if account is None or account.disabled_at is not None or request.state.claims.get("ver") != account.session:
        raise unauthenticated("invalid_token")
    _, township = await read_township(runtime, db, subject)
    return views.session(township, account, subject)


async def _account(db: Connection, name: str, subject: Subject) -> Account:
    account = await accounts.find_account(db, name)
    if account is None or account.township != subject.township:
        raise not_found()
    return account


def _stream(name: str) -> str:
    return f"account:{name}"


def _check_secret(kind: Literal["person", "client"], name: str, secret: SecretStr | None) -> None:
    if secret is not None and too_weak(kind, name, secret.get_secret_value()):
        zh = "密码至少 12 个字符（系统密钥至少 32 个），且不含账号名"
        raise invalid(
            FieldError("#/secret", "too_weak", zh, "at least 12 characters (clients 32), without the name in it")
        )


def _check_holder(township: Township, body: AccountIn) -> None:
    unit = township.organisation(body.organisation)
    if body.kind == "client" and (
        unit is None or unit.department is None or not body.scopes or body.posts or body.staff
    ):
        zh, en = "系统账号须属于一个部门并有权限范围", "a client belongs to a department and has scopes, nothing else"
        raise invalid(FieldError("#/organisation", "not_a_department", zh, en))
    if body.kind == "person" and PROVIDER in body.posts:
        if body.posts != [PROVIDER] or body.staff or body.scopes or township.provider(body.organisation) is None:
            zh, en = (
                "服务方账号对应一个登记在册的服务方，不兼其他",
                "a provider's account belongs to a registered provider, nothing else",
            )
            raise invalid(FieldError("#/organisation", "unknown_provider", zh, en))
        return
    if body.kind == "person" and ((body.staff is None) == (not body.posts) or body.scopes or body.organisation):
        zh, en = "个人账号对应一名工作人员，或一个管理岗位", "a person is one of the staff, or holds an account post"
        raise invalid(FieldError("#/staff", "holder_missing", zh, en))
    if body.staff is not None and township.member(body.staff) is None:
        raise invalid(FieldError("#/staff", "unknown_staff", "没有这名工作人员", "no such staff member"))
