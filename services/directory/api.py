"""The directory's routes: structure and rosters for everybody in the township, accounts for the administrator."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from chassis.auth import guard, unauthenticated
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Subject, may
from contracts.directory import Shift
from services.directory import accounts, store, views
from services.directory.domain.identity import Account
from services.directory.domain.township import DUTY_LEADER, DUTY_ROOM, Roster, Township
from services.directory.passwords import Passwords, too_weak

router = APIRouter(prefix="/api/v1")
Reader = Annotated[Subject, guard("directory.read")]
Administrator = Annotated[Subject, guard("account.write")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,62}$")]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class ShiftIn(BaseModel):
    """One shift; `ends` at or before `starts` means the next day."""

    model_config = ConfigDict(extra="forbid")

    weekday: int = Field(ge=0, le=6, description="0 = Monday")
    starts: Clock
    ends: Clock
    staff: list[str] = Field(max_length=20, description="Paging order")


class RosterIn(BaseModel):
    """The whole weekly pattern."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"shifts": [{"weekday": 0, "starts": "17:30", "ends": "08:30", "staff": ["ST092", "ST093"]}]}]
        },
    )

    shifts: list[ShiftIn] = Field(max_length=100)


class AccountIn(BaseModel):
    """A person of the staff, or a department's API client. The secret is never shown again, so it comes from the caller."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"name": "client-yx-ps-2", "kind": "client", "organisation": "YX-PS", "scopes": ["referrals:read"]},
                {"name": "st201", "kind": "person", "staff": "ST201"},
            ]
        },
    )

    name: Name
    kind: Literal["person", "client"]
    staff: str | None = None
    organisation: str | None = None
    posts: list[Literal["admin", "auditor"]] = []
    scopes: list[Literal["referrals:read", "referrals:act", "reports:create", "events:read", "stats:read"]] = []
    secret: SecretStr | None = None


class SecretIn(BaseModel):
    """A new password or client secret. People changing their own also give the current one."""

    model_config = ConfigDict(extra="forbid")

    secret: SecretStr
    current: SecretStr | None = None


async def _township(runtime: Any, db: Connection, subject: Subject) -> tuple[int, Township]:
    found: tuple[int, Township] | None = await runtime.resources["townships"].get(db, subject.township)
    if found is None:
        raise not_found()
    return found


@router.get("/areas", response_model=views.Areas, tags=["structure"])
async def list_areas(request: Request, subject: Reader, db: Reading, runtime: RuntimeOf) -> Response:
    """Villages and groups of the township, with an ETag that changes whenever anything in the township does."""
    version, township = await _township(runtime, db, subject)
    return versioned(request, views.areas(township, version), version)


@router.get("/organisations", tags=["structure"])
async def list_organisations(
    subject: Reader, db: Reading, runtime: RuntimeOf, kind: str | None = None, department: str | None = None
) -> views.Organisations:
    """Departments, schools, village committees, the hotline, and the bodies outside that are told by hand."""
    _, township = await _township(runtime, db, subject)
    return views.organisations(township, kind, department)


@router.get("/staff", tags=["structure"])
async def list_staff(
    subject: Reader, db: Reading, runtime: RuntimeOf, paging: PageOf, organisation: str | None = None
) -> Page[views.StaffView]:
    """Staff by id, of one organisation or all."""
    _, township = await _township(runtime, db, subject)
    after = paging.after(str)
    people = sorted(
        (p for p in township.staff if organisation in {None, p.organisation} and (after is None or p.id > after[0])),
        key=lambda p: p.id,
    )
    return paging.page([views.staff(p, subject) for p in people[: paging.fetch]], lambda view: (view.id,))


@router.get("/staff/{staff_id}", tags=["structure"])
async def read_staff(staff_id: str, subject: Reader, db: Reading, runtime: RuntimeOf) -> views.StaffView:
    """One staff member; the phone is masked but for the own unit and the administrator."""
    _, township = await _township(runtime, db, subject)
    person = township.member(staff_id)
    if person is None:
        raise not_found()
    return views.staff(person, subject)


@router.get("/places", tags=["structure"])
async def search_places(
    subject: Reader, db: Reading, runtime: RuntimeOf, query: Annotated[str, Query(min_length=1, max_length=64)]
) -> views.Places:
    """Where a caller's word for a place lies: named places, landmarks, groups, villages."""
    _, township = await _township(runtime, db, subject)
    return views.places(township, query)


@router.get("/alerts", tags=["structure"])
async def list_alerts(subject: Reader, db: Reading, runtime: RuntimeOf) -> views.Alerts:
    """Vacant posts and hours that no roster covers."""
    _, township = await _township(runtime, db, subject)
    return views.missing(township)


@router.get("/rosters/{organisation}", response_model=views.RosterView, tags=["rosters"])
async def read_roster(
    organisation: str, request: Request, subject: Reader, db: Reading, runtime: RuntimeOf
) -> Response:
    """The duty roster of an organisation, of the duty leaders (`duty_leader`) or of the duty room (`duty_room`)."""
    _, township = await _township(runtime, db, subject)
    _known_roster(township, organisation)
    version = await store.roster_version(db, township.code, organisation)
    now = await db.fetchval("SELECT app_now()")
    view = views.roster(township, organisation, version, now, _roster_actions(subject))
    # Who is on duty changes with the hour, not with the version: the answer carries its ETag but is never 304.
    return Reply(200, view, version=version).response()


@router.put("/rosters/{organisation}", response_model=views.RosterView, tags=["rosters"])
async def write_roster(
    organisation: str, body: RosterIn, subject: Annotated[Subject, guard("roster.write")], command: CommandOf
) -> Response:
    """Replace a duty roster. Referrals follow it as soon as it is announced."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        await tx.lock([subject.township])
        township = await store.load_township(tx.db, subject.township)
        if township is None:
            raise not_found()
        _known_roster(township, organisation)
        command.match(await store.roster_version(tx.db, subject.township, organisation))
        _known_people(township, body)
        shifts = tuple(Shift(**shift.model_dump()) for shift in body.shifts)
        version = await store.save_roster(tx, subject.township, Roster(code=organisation, shifts=shifts))
        changed = await store.announce(tx, subject.township)
        detail = {"roster": organisation, "version": version}
        tx.audit(subject.township, "roster.write", subject.actor().model_dump(), detail)
        return Reply(
            200, views.roster(changed, organisation, version, tx.now, _roster_actions(subject)), version=version
        )

    return await command.run(act, body)


def _roster_actions(subject: Subject) -> list[str]:
    return ["write"] if may(subject, "roster.write") else []


def _known_roster(township: Township, code: str) -> None:
    if code not in {DUTY_LEADER, DUTY_ROOM} and township.organisation(code) is None:
        raise not_found()


def _known_people(township: Township, body: RosterIn) -> None:
    unknown = [
        FieldError(f"#/shifts/{i}/staff/{j}", "unknown_staff", "没有这名工作人员", "no such staff member")
        for i, shift in enumerate(body.shifts)
        for j, who in enumerate(shift.staff)
        if township.member(who) is None
    ]
    if unknown:
        raise invalid(*unknown)


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
async def set_password(name: str, body: SecretIn, subject: Reader, runtime: RuntimeOf, command: CommandOf) -> Response:
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
async def read_session(request: Request, subject: Reader, db: Reading, runtime: RuntimeOf) -> views.SessionView:
    """Whose token this is; 401 once the account was closed or its secret changed, however long the token would still run."""
    account = await accounts.find_account(db, subject.account)
    if account is None or account.disabled_at is not None or request.state.claims.get("ver") != account.session:
        raise unauthenticated("invalid_token")
    _, township = await _township(runtime, db, subject)
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
    if body.kind == "person" and ((body.staff is None) == (not body.posts) or body.scopes or body.organisation):
        zh, en = "个人账号对应一名工作人员，或一个管理岗位", "a person is one of the staff, or holds an account post"
        raise invalid(FieldError("#/staff", "holder_missing", zh, en))
    if body.staff is not None and township.member(body.staff) is None:
        raise invalid(FieldError("#/staff", "unknown_staff", "没有这名工作人员", "no such staff member"))
