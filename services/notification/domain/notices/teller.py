"""Turns "tell this department or post" into messages to queues and people."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from contracts.access import GOVERNMENT
from contracts.policy import Policy
from services.notification.domain.case import CaseFacts
from services.notification.domain.duty import Scene
from services.notification.domain.message import APP, MANUAL, Message

QUIETLY = (APP,)
"""The channels of news that has days: it must not ring at night."""


@dataclass(frozen=True, slots=True)
class Teller:
    """One case in its township at one moment, and the policy it runs under."""

    scene: Scene
    policy: Policy

    @property
    def case(self) -> CaseFacts:
        return self.scene.case

    @property
    def answering(self) -> str:
        """The department that answers for the case: its lead, else the one that coordinates."""
        return self.case.case_lead or self.case.coordinating

    def is_top(self, level: str) -> bool:
        return self.policy.rank(level) == max(self.policy.ranks.values())

    def at(self, moment: datetime) -> "Teller":
        """The same at another moment: who will be on duty then."""
        return replace(self, scene=replace(self.scene, at=moment))

    def queue(
        self,
        target: str,
        kind: str,
        level: str,
        rule: str,
        codes: Mapping[str, str],
        *,
        only: str | None = None,
        need_to_know: bool = False,
    ) -> Iterator[Message]:
        """The queues of a department's units, quietly."""
        target, only = self._around_blocked(target, only)
        masked = self._masked(target, need_to_know)
        for unit in self.scene.units(target, only):
            yield Message(kind, "organisation", unit.code, QUIETLY, level, rule, codes, masked=masked)

    def tell(
        self,
        target: str,
        kind: str,
        level: str,
        rule: str,
        codes: Mapping[str, str],
        *,
        only: str | None = None,
        nth: int = 0,
        channels: tuple[str, ...] | None = None,
        need_to_know: bool = False,
    ) -> Iterator[Message]:
        """The queue of a target and the person on duty there, `nth` in paging order (around again after the last).

        `only` narrows a department to one unit. `channels` are the level's unless given: a decision that has days must
        not ring at night. `need_to_know`: a department without a part in the case learns its task, not which case.
        """
        target, only = self._around_blocked(target, only)
        channels = channels or self.policy.sla.delivery[level]
        masked = self._masked(target, need_to_know)
        for desk in self.scene.desks(target, only):
            if desk.organisation is not None and nth == 0:
                yield Message(kind, "organisation", desk.organisation, QUIETLY, level, rule, codes, masked=masked)
            if desk.people:
                person = desk.people[nth % len(desk.people)]
                yield Message(kind, "staff", person, channels, level, rule, codes, masked=masked)
            else:
                yield from self._nobody_there(target, kind, level, codes, channels, masked=masked)

    def tell_unit(
        self,
        organisation: str,
        kind: str,
        level: str,
        rule: str,
        codes: Mapping[str, str],
        channels: tuple[str, ...] | None = None,
    ) -> Iterator[Message]:
        """One organisation: its queue and the person on duty there."""
        unit = self.scene.unit(organisation)
        if unit is None or unit.department is None:
            yield from self.alarm({"missing": organisation}, level, organisation)
        else:
            yield from self.tell(unit.department, kind, level, rule, codes, only=organisation, channels=channels)

    def page(
        self, people: Iterable[str], kind: str, level: str, rule: str, codes: Mapping[str, str], *, masked: bool = False
    ) -> Iterator[Message]:
        """These people in this order, except those of units that must not know."""
        hidden = self.scene.staff_of_blocked
        for who in people:
            if who not in hidden:
                yield Message(kind, "staff", who, self.policy.sla.delivery[level], level, rule, codes, masked=masked)

    def provider(self, organisation: str | None, kind: str, level: str, codes: Mapping[str, str]) -> Iterator[Message]:
        """A purchased service, volunteer team or neighbour watcher: its task and nothing of the case."""
        if organisation in {provider.code for provider in self.scene.township.providers}:
            assert organisation is not None
            yield Message(
                kind, "organisation", organisation, QUIETLY, level, "data_protection.roles", codes, masked=True
            )

    def _around_blocked(self, target: str, only: str | None) -> tuple[str, str | None]:
        instead = self.scene.instead(target)
        return instead, only if instead == target else None

    def _masked(self, target: str, need_to_know: bool) -> bool:
        """Whether a department must not learn which case it is."""
        if target in self.case.safety_only:
            return True
        apart = target in self.policy.departments_by_code and target not in self.case.roles
        return need_to_know and apart and target != self.case.coordinating

    def _nobody_there(
        self, target: str, kind: str, level: str, codes: Mapping[str, str], channels: tuple[str, ...], *, masked: bool
    ) -> Iterator[Message]:
        """An empty roster: police roster and duty room instead, the head of the township when nobody is there either; and
        an alarm so that somebody fills it."""
        fallback, above = self.policy.sla.rules["roster"]["fallback"], self.policy.sla.second_breach["to"]
        people = self._first_of(fallback) or self._first_of(above)
        for who in people:
            yield Message(kind, "staff", who, channels, level, "sla.rules.roster", codes, masked=masked)
        yield from self.alarm({"missing": target}, level, target)

    def _first_of(self, targets: Iterable[str]) -> list[str]:
        """The first person of each of these targets that may know and has somebody."""
        open_to = [target for target in targets if self.scene.instead(target) == target]
        return [desk.people[0] for target in open_to for desk in self.scene.desks(target) if desk.people]

    def alarm(self, codes: Mapping[str, str], level: str, about: str) -> Iterator[Message]:
        """Something is set up wrongly: the township government's queue."""
        for unit in self.scene.units(GOVERNMENT):
            rule = "sla.rules.roster"
            yield Message("configuration_alarm", "organisation", unit.code, QUIETLY, level, rule, codes, about)

    def outside(
        self, body: str, level: str, rule: str, codes: Mapping[str, str] | None = None, about: str | None = None
    ) -> Iterator[Message]:
        """A body outside the system gets a notice by hand, which the coordinator is asked to give."""
        about = about or body
        yield Message("manual_notice", "external", body, (MANUAL,), level, rule, about=about)
        asked = {"body": body, **(codes or {})}
        for unit in self.scene.units(self.scene.instead(self.case.coordinating)):
            yield Message("manual_notice_to_give", "organisation", unit.code, QUIETLY, level, rule, asked, about)
