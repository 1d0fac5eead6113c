"""Stations and providers as the township's staff see them."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from services.directory.domain.identity import masked
from services.directory.domain.township import Label, Provider, Station, Township
from services.directory.views import StaffBrief, briefs


class StationView(BaseModel):
    """A village's station: who works there and what it offers."""

    code: str
    village: str
    label: Label
    staff: list[StaffBrief]
    services: Sequence[str]
    version: int


class Stations(BaseModel):
    """All stations of the township."""

    items: list[StationView]


class ProviderView(BaseModel):
    """A provider. `phone` is masked but for civil affairs and the administrator."""

    code: str
    kind: str
    label: Label
    area: str | None
    services: Sequence[str]
    phone: str | None
    phone_masked: bool
    version: int


class Providers(BaseModel):
    """Providers that take part now."""

    items: list[ProviderView]


def station(township: Township, value: Station, version: int) -> StationView:
    """One station."""
    return StationView(**value.model_dump(exclude={"staff"}), staff=briefs(township, value.staff), version=version)


def stations(township: Township, versions: Mapping[str, int]) -> Stations:
    """All of them."""
    return Stations(items=[station(township, one, versions.get(one.code, 0)) for one in township.stations])


def provider(value: Provider, version: int, *, open_: bool) -> ProviderView:
    """One provider."""
    return ProviderView(
        **value.model_dump(exclude={"phone"}),
        phone=value.phone if open_ else masked(value.phone),
        phone_masked=not open_ and value.phone is not None,
        version=version,
    )


def providers(values: Iterable[Provider], versions: Mapping[str, int], *, open_: bool) -> Providers:
    """Several."""
    return Providers(items=[provider(one, versions[one.code], open_=open_) for one in values])
