"""Codes for a reader."""

from pydantic import BaseModel

from contracts.policy import Policy


class Coded(BaseModel):
    """A code with its text in both languages."""

    code: str
    zh: str
    en: str


def coded(policy: Policy, kind: str, code: str) -> Coded:
    """A code with its label."""
    label = policy.label(kind, code)
    return Coded(code=code, zh=label.zh, en=label.en)
