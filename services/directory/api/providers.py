"""Village stations (D-7.2.2, D-7.2.3) and the providers that take part from outside the staff (D-7.3, D-5.11.2, D-5.1.2)."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field, StringConstraints

from chassis.auth import guard
from chassis.command import CommandOf, Reply, versioned
from chassis.http import Reading, RuntimeOf
from chassis.problem import FieldError, conflict, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Subject, may
from contracts.policy import load_policy
from services.directory import accounts, store
from services.directory.api.township import Body, Reader, lock_township, read_township
from services.directory.domain.township import Provider, ProviderKind, Township
from services.directory.views import providers as views

router = APIRouter(prefix="/api/v1", tags=["stations and providers"])
Registrar = Annotated[Subject, guard("provider.write")]
ProviderReader = Annotated[Subject, guard("provider.read")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{1,30}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 -]{4,18}$")]


class LabelIn(Body):
    """A name in both languages."""

    zh: Words
    en: Words


class StationIn(Body):
    """Who works at a station, all of the village's committee, and what it offers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"staff": ["ST002", "ST003"], "services": ["counselling", "policy_advice"]}]}
    )

    staff: list[str] = Field(max_length=20)
    services: list[str] = Field(max_length=20)


class ProviderChange(Body):
    """A provider. For a neighbour watcher give a name the neighbours use and no more: the data is kept minimal."""

    kind: ProviderKind
    label: LabelIn
    area: str | None = Field(default=None, description="Village or group; null = the whole township")
    services: list[str] = Field(default=[], max_length=40, description="Codes of assistance or of placement kinds")
    phone: Phone | None = Field(default=None, description="Kept in the directory alone")


class ProviderIn(ProviderChange):
    """A new provider."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "PV03",
                    "kind": "neighbour_watcher",
                    "label": {"zh": "松岭村一组邻里", "en": "Neighbour of Songling group 1"},
                    "area": "V01-G1",
                    "phone": "00000060003",
                }
            ]
        },
    )

    code: Code


@router.get("/stations")
async def list_stations(subject: Reader, db: Reading, runtime: RuntimeOf) -> views.Stations:
    """The villages' stations, first line of protection; the list is complete."""
    _, township = await read_township(runtime, db, subject)
    return views.stations(township, await store.versions(db, "station", township.code))


@router.get("/stations/{code}", response_model=views.StationView)
async def read_station(code: str, request: Request, subject: Reader, db: Reading, runtime: RuntimeOf) -> Response:
    """One station."""
    _, township = await read_township(runtime, db, subject)
    view = next((one for one in views.stations(township, {}).items if one.code == code), None)
    if view is None:
        raise not_found()
    version = (await store.versions(db, "station", township.code))[code]
    return versioned(request, view.model_copy(update={"version": version}), version)


@router.put("/stations/{code}", response_model=views.StationView)
async def write_station(code: str, body: StationIn, subject: Registrar, command: CommandOf) -> Response:
    """Change who works at a station and what it offers."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        station = next((one for one in township.stations if one.code == code), None)
        if station is None:
            raise not_found()
        command.match((await store.versions(tx.db, "station", township.code))[code])
        _check_station(township, station.village, body)
        changed = station.model_copy(update={"staff": tuple(body.staff), "services": tuple(body.services)})
        version = await store.save_station(tx, township.code, changed)
        await store.announce(tx, township.code)
        tx.audit(township.code, "station.write", subject.actor().model_dump(), {"station": code, "version": version})
        return Reply(200, views.station(township, changed, version), version=version)

    return await command.run(act, body)


def _check_station(township: Township, village: str, body: StationIn) -> None:
    committee = next(one.organisation for one in township.villages if one.code == village)
    own = {person.id for person in township.staff if person.organisation == committee}
    offered = {choice.code for choice in load_policy(township.policy_version).programme.station_services}
    wrong = [
        FieldError(f"#/staff/{i}", "not_of_the_village", "须为本村委会人员", "must be on the village committee's staff")
        for i, who in enumerate(body.staff)
        if who not in own
    ]
    expected = ", ".join(sorted(offered))
    wrong += [
        FieldError(f"#/services/{i}", "unknown_service", f"应为：{expected}", f"must be one of: {expected}")
        for i, service in enumerate(body.services)
        if service not in offered
    ]
    if wrong:
        raise invalid(*wrong)


@router.get("/providers")
async def list_providers(
    subject: ProviderReader, db: Reading, runtime: RuntimeOf, kind: ProviderKind | None = None, area: str | None = None
) -> views.Providers:
    """Who takes part; the list is complete. Telephone numbers are open to civil affairs and the administrator."""
    _, township = await read_township(runtime, db, subject)
    found = [one for one in township.providers if kind in {None, one.kind} and area in {None, one.area}]
    versions = await store.versions(db, "provider", township.code)
    return views.providers(found, versions, open_=may(subject, "provider.write"))


@router.get("/providers/{code}", response_model=views.ProviderView)
async def read_provider(
    code: str, request: Request, subject: ProviderReader, db: Reading, runtime: RuntimeOf
) -> Response:
    """One provider."""
    _, township = await read_township(runtime, db, subject)
    provider = _known_provider(township, code)
    version = await _version(db, township, code)
    return versioned(request, views.provider(provider, version, open_=may(subject, "provider.write")), version)


@router.post("/providers", response_model=views.ProviderView, status_code=201)
async def add_provider(body: ProviderIn, subject: Registrar, command: CommandOf) -> Response:
    """Register a provider. A code that was ever used is not used again."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _check_provider(township, body)
        if township.organisation(body.code) or body.code in await store.versions(tx.db, "provider", township.code):
            raise conflict("code_taken", "代码已被使用", "This code is taken")
        return await _keep(tx, subject, _provider(body.code, body), 201)

    return await command.run(act, body)


@router.put("/providers/{code}", response_model=views.ProviderView)
async def write_provider(code: str, body: ProviderChange, subject: Registrar, command: CommandOf) -> Response:
    """Change a provider."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _known_provider(township, code)
        command.match(await _version(tx.db, township, code))
        _check_provider(township, body)
        return await _keep(tx, subject, _provider(code, body), 200)

    return await command.run(act, body)


@router.delete("/providers/{code}", status_code=204)
async def end_provider(code: str, subject: Registrar, command: CommandOf) -> Response:
    """A provider takes part no longer: it is announced no more and its accounts are closed."""
    command.require_version()

    async def act(tx: Transaction) -> Reply:
        township = await lock_township(tx, subject)
        _known_provider(township, code)
        command.match(await _version(tx.db, township, code))
        await store.end_provider(tx, township.code, code)
        await accounts.disable_provider(tx, township.code, code)
        await store.announce(tx, township.code)
        tx.audit(township.code, "provider.end", subject.actor().model_dump(), {"provider": code})
        return Reply(204)

    return await command.run(act)


async def _keep(tx: Transaction, subject: Subject, provider: Provider, status: int) -> Reply:
    version = await store.save_provider(tx, subject.township, provider)
    await store.announce(tx, subject.township)
    detail = {"provider": provider.code, "version": version}
    tx.audit(subject.township, "provider.write", subject.actor().model_dump(), detail)
    view = views.provider(provider, version, open_=True)
    return Reply(status, view, version=version, location=f"/api/v1/providers/{provider.code}")


def _provider(code: str, body: ProviderChange) -> Provider:
    return Provider.model_validate({**body.model_dump(), "code": code})


def _known_provider(township: Township, code: str) -> Provider:
    provider = township.provider(code)
    if provider is None:
        raise not_found()
    return provider


async def _version(db: Connection, township: Township, code: str) -> int:
    return (await store.versions(db, "provider", township.code))[code]


def _check_provider(township: Township, body: ProviderChange) -> None:
    policy = load_policy(township.policy_version)
    offered = {*policy.assistance.by_code, *(kind.code for kind in policy.placement.kinds)}
    areas = {village.code for village in township.villages} | {group.code for group in township.groups}
    wrong = [
        FieldError(f"#/services/{i}", "unknown_service", "政策中没有这项服务", "no such service in the policy")
        for i, service in enumerate(body.services)
        if service not in offered
    ]
    if body.area is not None and body.area not in areas:
        wrong.append(FieldError("#/area", "unknown_area", "没有这个村或组", "no such village or group"))
    if body.kind == "neighbour_watcher" and body.area is None:
        wrong.append(FieldError("#/area", "area_missing", "邻里监护须写明村或组", "a neighbour watcher has an area"))
    if wrong:
        raise invalid(*wrong)
