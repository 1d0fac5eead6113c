"""Who may do what: one pure policy, used for single requests and for list filters alike
(policy `data_protection.roles`).

`may` is the coarse check at the door (could this person ever do it), `decide` the check on one resource, `scope` the
same rule as a value that a store turns into a SQL predicate. A property test holds `decide` and `scope` together.
"""

from contracts.access.decisions import (
    ALLOWED,
    OPERATOR_SIGHT,
    Allowed,
    Decision,
    Denied,
    Resource,
    Scope,
    decide,
    scope,
)
from contracts.access.doors import ACTIONS, may
from contracts.access.subject import COORDINATOR, GOVERNMENT, HOTLINE_POSTS, VILLAGE, Subject

__all__ = [
    "ACTIONS",
    "ALLOWED",
    "COORDINATOR",
    "GOVERNMENT",
    "HOTLINE_POSTS",
    "OPERATOR_SIGHT",
    "VILLAGE",
    "Allowed",
    "Decision",
    "Denied",
    "Resource",
    "Scope",
    "Subject",
    "decide",
    "may",
    "scope",
]
