"""What each department has to do (D-7.1.1, D-5.1.1 to D-5.12.2) and what a guardian owes a child (D-7.2.1), for reading."""

from functools import cache
from pathlib import Path

import yaml

from contracts.policy.limits import Section

_FILE = Path(__file__).with_name("duties.yaml")


class Duty(Section):
    """One duty of a department; `id` is its number in the plan."""

    id: str
    department: str
    zh: str
    en: str


class Obligation(Section):
    """One point of the guardian's checklist."""

    code: str
    zh: str
    en: str


class Duties(Section):
    """The file."""

    duties: tuple[Duty, ...]
    guardian_obligations: tuple[Obligation, ...]


@cache
def load_duties() -> Duties:
    """The duties. Raises OSError or ValidationError when the file is damaged."""
    return Duties.model_validate(yaml.safe_load(_FILE.read_text(encoding="utf-8")))
