"""Is this the same child? Keys that select a few candidates, and the likeness of two records (policy `risk.duplicate_rule`).

Keys are coarse: one wrong letter, a birth date off by a day or a child who moved must still share one. Likeness is fine: it
compares what was decrypted, in memory, and says why. Nothing here decides; `placing` does.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import phonenumbers
from rapidfuzz.distance import OSA, Levenshtein
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from contracts.policy.duplicates import DuplicateRule
from services.intake.domain.names import initials, plain, sounds

REGION = "CN"
ADULT_YEARS = 18
SHORTEST_NUMBER = 6
"""Shorter numbers are typing, not identity."""
BY_SOUND, BY_GIVEN_NAME, LIKE_SOUND = 95, 80, 90
"""Likeness in percent: another writing of the same sound, the given name alone, the most a similar sound can be worth."""
NEAR_DATE = 50
"""Likeness in percent of two dates with one digit wrong or two neighbours exchanged, or day and month exchanged."""
SAME_PHONE = 10
"""What a shared telephone number adds, in percent; siblings share it too, so it never proves."""


@dataclass(frozen=True)
class Particulars:
    """What is known of one child for telling it from others, numbers normalised. Personal: it lives in memory only."""

    name: str | None = None
    birth_date: date | None = None
    sex: str | None = None
    id_number: str | None = None
    phones: frozenset[str] = frozenset()
    guardian_ids: frozenset[str] = frozenset()
    villages: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        *,
        name: str | None = None,
        birth_date: date | None = None,
        sex: str | None = None,
        id_number: str | None = None,
        phones: Iterable[str | None] = (),
        guardian_ids: Iterable[str | None] = (),
        villages: Iterable[str | None] = (),
    ) -> "Particulars":
        """From what was written down; what is too short to tell anybody apart is left out."""
        number = _number(plain(id_number or ""))
        return cls(
            name=name if name and plain(name) else None,
            birth_date=birth_date,
            sex=sex,
            id_number=number,
            phones=frozenset(n for text in phones if text and (n := _number(phone_key(text)))),
            guardian_ids=frozenset(n for text in guardian_ids if text and (n := _number(plain(text)))),
            villages=frozenset(village for village in villages if village),
        )

    def living_in(self, villages: frozenset[str]) -> "Particulars":
        """The same child with the villages its cases name."""
        return replace(self, villages=villages)

    @cached_property
    def born(self) -> date | None:
        """The birth date as told, else as a sound ID number has it."""
        return self.birth_date or (birth_of(self.id_number) if self.id_number else None)

    @cached_property
    def plain_name(self) -> str:
        """The name without spaces and signs."""
        return plain(self.name or "")

    @cached_property
    def heard(self) -> tuple[str, ...]:
        """Every way the name may sound."""
        return sounds(self.name or "", wide=True)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two records are, in percent, what speaks for it and what against it (codes)."""

    percent: int
    reasons: tuple[str, ...]
    against: tuple[str, ...] = ()
    exact_name: bool = False

    @property
    def household(self) -> bool:
        """Another child perhaps, but the same people look after it."""
        return "guardian_id_number" in self.reasons or "phone" in self.reasons


def phone_key(text: str) -> str:
    """A telephone number in one writing: E.164 where it is a number, else its digits."""
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    digits = "".join(letter for letter in plain(text) if letter.isdigit())
    bare = digits.removeprefix("00").removeprefix("86")
    return bare if len(bare) == len("13000000000") else digits


def sound_id(number: str) -> bool:
    """Whether a resident ID number is well formed: 18 characters, a real date, the right check character.

    The area is not looked up: counties come and go, and a child must not depend on a table of them.
    """
    compact = plain(number).upper()
    try:
        ric.get_birth_date(compact)
        right: bool = len(compact) == len("330000202001250000") and ric.calc_check_digit(compact[:-1]) == compact[-1]
    except (ValidationError, ValueError):
        return False
    return right


def birth_of(number: str) -> date | None:
    """The birth date in a sound ID number."""
    if not sound_id(number):
        return None
    born: date = ric.get_birth_date(plain(number).upper())
    return born


def _number(text: str) -> str | None:
    return text if len(text) >= SHORTEST_NUMBER else None


# Keys -----------------------------------------------------------------------------------------------------------------

PROVING = ("id_number", "initials_birth", "birth_village", "initials_village")
"""Kinds that select candidates for the same child when a report comes in; the others serve searches and households."""
HOUSEHOLD = ("phone", "guardian_id")
KINDS = (*PROVING, *HOUSEHOLD, "sound")


def keys(known: Particulars, *, wide: bool = False) -> Iterator[tuple[str, str]]:
    """(kind, value) of every key of a record. Any two of sound, birth date and village make one. `wide`: for a search."""
    if known.id_number:
        yield "id_number", known.id_number
    yield from (("guardian_id", number) for number in known.guardian_ids)
    yield from (("phone", number) for number in known.phones)
    name = known.name or ""
    for heard in sounds(name, wide=wide):
        yield "sound", heard
    for letters in initials(name, wide=wide):
        if known.born:
            yield "initials_birth", f"{letters}|{known.born.isoformat()}"
        for village in known.villages:
            yield "initials_village", f"{letters}|{village}"
    if known.born:
        for village in known.villages:
            yield "birth_village", f"{known.born.isoformat()}|{village}"


# Likeness -------------------------------------------------------------------------------------------------------------


def likeness(sought: Particulars, known: Particulars, rule: DuplicateRule, on: date) -> Likeness:
    """How alike two records are on a day.

    A sound ID number of a minor that both have is proof, and so is any that name or birth date confirms (slips are copied
    from paper to paper); a sound one that differs is disproof. Otherwise name, birth date and village are weighed, and
    only all three together reach the threshold: what one record lacks cannot agree.
    """
    reasons: list[str] = []
    against: list[str] = []
    below = rule.threshold_percent - 1
    percent = _weighed(sought, known, rule, on, reasons, against)
    exact = "name" in reasons
    if sought.phones & known.phones:
        reasons.append("phone")
        percent = max(percent, min(below, percent + SAME_PHONE))
    if sought.guardian_ids & known.guardian_ids:
        reasons.append("guardian_id_number")
    if sought.sex and known.sex and sought.sex != known.sex:
        against.append("sex")
        percent = min(percent, below)
    if sought.id_number and known.id_number:
        if sought.id_number == known.id_number:
            dates = {sought.birth_date, known.birth_date}
            confirmed = exact or "name_sound" in reasons or (None not in dates and len(dates) == 1)
            proves = confirmed or (_of_a_minor(known.id_number, on) and not against)
            reasons.insert(0, "id_number")
            percent = 100 if proves else max(percent, below)
        elif sound_id(sought.id_number) and sound_id(known.id_number):
            against.append("id_number")
            percent = min(percent, rule.suggest_percent - 1)
    return Likeness(percent, tuple(reasons), tuple(against), exact)


def _weighed(
    sought: Particulars, known: Particulars, rule: DuplicateRule, on: date, reasons: list[str], against: list[str]
) -> int:
    weights = rule.weights_percent
    parts: list[tuple[int, int]] = []
    if sought.name and known.name:
        alike, why = _names(sought, known)
        parts.append((weights.name, alike))
        reasons += [why] if why else []
    if (mine := _born(sought, on)) and (theirs := _born(known, on)):
        alike = _dates(mine, theirs)
        parts.append((weights.birth_date, alike))
        if alike:
            reasons.append("birth_date" if alike == 100 else "birth_date_similar")
        else:
            against.append("birth_date")
    if sought.villages and known.villages:
        same = not sought.villages.isdisjoint(known.villages)
        parts.append((weights.village, 100 * same))
        reasons += ["village"] if same else []
    whole = sum(weight for weight, _ in parts)
    if not whole:
        return 0
    percent = sum(weight * alike for weight, alike in parts) // whole
    complete = whole == weights.name + weights.birth_date + weights.village
    if complete:
        return percent
    # What was not told counts for half, and never reaches the threshold.
    missing = weights.name + weights.birth_date + weights.village - whole
    return min(rule.threshold_percent - 1, percent * (whole + missing // 2) // (whole + missing))


def _names(one: Particulars, other: Particulars) -> tuple[int, str | None]:
    a, b = one.plain_name, other.plain_name
    if a == b:
        return 100, "name"
    if not set(one.heard).isdisjoint(other.heard):
        return BY_SOUND, "name_sound"
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) > 1 and longer.endswith(shorter) and not longer.isascii():
        return BY_GIVEN_NAME, "name_similar"
    by_letters = Levenshtein.normalized_similarity(a, b)
    by_sound = Levenshtein.normalized_similarity(*(known.heard[0] if known.heard else "" for known in (one, other)))
    alike = max(int(100 * by_letters), int(LIKE_SOUND * by_sound))
    return alike, "name_similar" if alike >= LIKE_SOUND // 2 else None


def _dates(one: date, other: date) -> int:
    if one == other:
        return 100
    exchanged = (one.year, one.month, one.day) == (other.year, other.day, other.month)
    slip = OSA.distance(one.isoformat(), other.isoformat()) == 1
    return NEAR_DATE if exchanged or slip else 0


def _born(known: Particulars, on: date) -> date | None:
    if known.birth_date is None and known.id_number and not _of_a_minor(known.id_number, on):
        return None
    return known.born


def _of_a_minor(number: str, on: date) -> bool:
    """Reports sometimes carry a guardian's number as the child's: an adult's number proves nothing of a child."""
    born = birth_of(number)
    if born is None:
        return False
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day)) < ADULT_YEARS
