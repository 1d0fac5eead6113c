"""When a child on file becomes 18 and leaves the registers that are for minors. In doubt it stays (D-1.1)."""

from datetime import date

ADULT_YEARS = 18


def birthday(born: date, years: int = ADULT_YEARS) -> date:
    """The day somebody becomes so many years old; born on 29 February: 1 March where the year has none."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)


def adult_on(born: date | None, age: int | None, age_on: date | None, *, estimated: bool) -> date | None:
    """The day from which a child is surely 18: the birthday, else the latest day its stated age allows. None when only an
    estimate, or nothing, is known."""
    if born is not None:
        return birthday(born)
    if age is None or age_on is None or estimated:
        return None
    return birthday(age_on, max(0, ADULT_YEARS - age))
