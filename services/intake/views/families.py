"""The family file: everybody of a household, over all its case families, as a reader may see them."""

from collections.abc import Collection, Mapping
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Policy
from services.intake.domain.matching import Particulars
from services.intake.sight import Field, Full, Hidden, Masked, Sight, mask
from services.intake.store.families import Link, Member
from services.intake.views.file import FieldView
from services.intake.views.persons import PersonCase

Relation = Literal["guardian", "parent", "grandparent", "sibling", "other"]
OF_CHILDREN = ("name", "sex", "birth_date", "guardian_name", "guardian_phone")
"""What the family file shows of a child; the rest stands in the person's profile."""
OF_RELATIVES: Mapping[str, str] = {
    "name": "guardian_name",
    "phone": "guardian_phone",
    "id_number": "guardian_id_number",
    "sex": "sex",
    "birth_date": "birth_date",
}
"""A relative's particulars, and the field of a child's file that decides who sees them."""


class FamilyChild(BaseModel):
    """A child of the household with its cases. `relation`: to the children of the family that was asked for."""

    person_id: UUID
    records: list[UUID]
    relation: Literal["child", "sibling", "other"]
    fields: list[FieldView]
    cases: list[PersonCase]


class FamilyMember(BaseModel):
    """A guardian or other relative recorded as a person. `of_child` null: so to every child of `family_id`."""

    member_id: UUID
    person_id: UUID
    family_id: UUID
    relation: Relation
    of_child: UUID | None
    fields: list[FieldView]


class FamilyLink(BaseModel):
    """Two case families that live in one household."""

    link_id: UUID
    family_id: UUID
    other_family_id: UUID
    relation: Literal["siblings", "same_household"]


class FamilyView(BaseModel):
    """The one family file. `families`: the case families it is made of, each a response of its own.

    `visit_level`: the highest level in force of any child of the household; visits to the family follow it (policy
    `unit_of_case`), so it counts children whose cases the reader may not open. Null: no open case.
    """

    family_id: UUID
    families: list[UUID]
    visit_level: str | None
    children: list[FamilyChild]
    members: list[FamilyMember]
    links: list[FamilyLink]


def visit_level(levels: Collection[str | None], policy: Policy) -> str | None:
    """The level visits to the family follow."""
    known = [level for level in levels if level is not None]
    return policy.highest(known) if known else None


def child_relation(asked: UUID, of: Collection[UUID], links: Collection[Link]) -> Literal["child", "sibling", "other"]:
    """How a child whose cases are in the families `of` is related to the children of the family asked for."""
    if asked in of:
        return "child"
    among = [one for one in links if {one.family_id, one.other_family_id} & {*of} and asked in _ends(one)]
    return "other" if among and all(one.relation == "same_household" for one in among) else "sibling"


def link_view(link: Link) -> FamilyLink:
    """A link as people read it."""
    return FamilyLink.model_validate(link, from_attributes=True)


def member_view(member: Member, known: Particulars | None, sights: Mapping[str, tuple[Field, Sight]]) -> FamilyMember:
    """A relative, each particular as the sight of the like field of the child's file allows."""
    told = {} if known is None else _told(known)
    fields = []
    for name, (field, sight) in sights.items():
        value = told.get(name)
        match sight:
            case Hidden(reason):
                fields.append(FieldView(field=name, grade=field.grade, sight="hidden", reason=reason))
            case Masked(initials):
                masked = mask(field.name, value, None, initials=initials) if value else None
                fields.append(FieldView(field=name, grade=field.grade, sight="masked", value=masked))
            case Full():
                fields.append(FieldView(field=name, grade=field.grade, sight="full", value=value))
    return FamilyMember(
        member_id=member.member_id,
        person_id=member.person_id,
        family_id=member.family_id,
        relation=member.relation,  # type: ignore[arg-type]  # written from the same words
        of_child=member.of_child,
        fields=fields,
    )


def _told(known: Particulars) -> dict[str, str | None]:
    return {
        "name": known.name,
        "phone": min(known.phones, default=None),
        "id_number": known.id_number,
        "sex": known.sex,
        "birth_date": known.birth_date.isoformat() if known.birth_date else None,
    }


def _ends(link: Link) -> tuple[UUID, UUID]:
    return link.family_id, link.other_family_id
