"""Reads the format `township-reference/1` (docs: the sample township) into a Township."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from contracts.directory import Shift
from services.directory.domain.township import (
    DUTY_LEADER,
    DUTY_ROOM,
    Group,
    Holder,
    Organisation,
    Place,
    Provider,
    Roster,
    StaffMember,
    Station,
    Township,
    Village,
    faults,
)

SCHEMA = "township-reference/1"
_VILLAGE_STATION = "village_station"
_PROVIDER_KINDS = {"contractor": "provider", "volunteers": "volunteer_team", "neighbour": "neighbour_watcher"}
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Document = Mapping[str, Any]


class UnusableFile(ValueError):
    """The file cannot be loaded. The message lists every fault, by code, for the person who wrote it."""


class _Yaml(yaml.SafeLoader):
    """YAML whose only booleans are true and false: the file has fields named `no`."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def read_township(text: str) -> Township:
    """The township of a reference file. Raises UnusableFile for another format, a missing part or a loose reference."""
    try:
        document = yaml.load(text, _Yaml)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise UnusableFile(f"not YAML: {type(error).__name__}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UnusableFile(f"schema must be {SCHEMA}")
    try:
        township = _township(document)
    except ValidationError as error:
        places = [".".join(map(str, item["loc"])) + f" {item['type']}" for item in error.errors(include_input=False)]
        raise UnusableFile(f"{error.title}: " + ", ".join(places)) from None
    except KeyError as error:
        raise UnusableFile(f"missing: {error}") from None
    if found := faults(township):
        raise UnusableFile("; ".join(found))
    return township


def _township(document: Document) -> Township:
    head = document["township"]
    return Township(
        code=head["code"],
        label=head["label"],
        county=head["county"],
        timezone=head["timezone"],
        policy_version=document["policy_version"],
        villages=tuple(_village(area) for area in document["areas"]),
        groups=tuple(_group(area["code"], group) for area in document["areas"] for group in area["groups"]),
        organisations=tuple(_organisations(document)),
        staff=tuple(
            StaffMember.model_validate(person | {"organisation": person["org"]}) for person in document["staff"]
        ),
        holders=tuple(_holders(document)),
        rosters=tuple(_rosters(document)),
        places=tuple(Place.model_validate(place) for place in document.get("places", ())),
        stations=tuple(_stations(document)),
        providers=tuple(
            Provider.model_validate(one | {"kind": _PROVIDER_KINDS.get(one["kind"], one["kind"])})
            for one in document.get("providers", ())
        ),
    )


def _village(area: Document) -> Village:
    return Village.model_validate({**area, "organisation": area["org"]})


def _stations(document: Document) -> Iterator[Station]:
    for area in document["areas"]:
        if station := area.get("station"):
            staff = [
                person["id"]
                for person in document["staff"]
                if person["org"] == area["org"] and _VILLAGE_STATION in person.get("posts", ())
            ]
            yield Station.model_validate({"staff": staff, **station, "village": area["code"]})


def _group(village: str, group: Document) -> Group:
    grid = group["grid"]
    people = {"grid": grid["code"], "member": grid.get("member"), "deputy": grid.get("deputy")}
    return Group.model_validate({**group, **people, "village": village})


def _organisations(document: Document) -> Iterator[Organisation]:
    for unit in document["organisations"]:
        yield Organisation.model_validate(unit)
    for body in document.get("external_bodies", ()):
        fields = {"code": body["code"], "kind": "outside_body", "label": body["label"], "desk_phone": body["phone"]}
        yield Organisation.model_validate(fields)


def _holders(document: Document) -> Iterator[Holder]:
    areas = document.get("grid_head_areas", {})
    for post, people in document["posts"].items():
        for person in people:
            villages = areas.get(person, ()) if post == "grid_head" else ()
            yield Holder(post=post, staff=person, villages=tuple(villages))


def _rosters(document: Document) -> Iterator[Roster]:
    duty = document["duty"]
    hours = duty["shifts"]
    for entry in duty["organisations"]:
        yield Roster(code=entry["org"], shifts=_shifts(hours, entry["week"]))
    for code in (DUTY_LEADER, DUTY_ROOM):
        yield Roster(code=code, shifts=_shifts(hours, duty[code]))
    hotline = next(unit["code"] for unit in document["organisations"] if unit["kind"] == "hotline")
    yield Roster(code=hotline, shifts=_shifts(duty["hotline"]["shifts"], duty["hotline"]["week"]))


def _shifts(hours: Document, week: Document) -> tuple[Shift, ...]:
    return tuple(
        Shift(weekday=weekday, starts=hours[name]["from"], ends=hours[name]["to"], staff=_people(people))
        for weekday, day in enumerate(_WEEK)
        for name, people in week.get(day, {}).items()
    )


def _people(entry: Any) -> tuple[str, ...]:
    if isinstance(entry, Mapping):
        return (entry["leader"], *entry["operators"])
    return tuple(entry)
