"""Tables and statements of assistance, a module per topic. Importing this package makes `Table.metadata` whole."""

from services.assistance.store import (
    after_closure,
    closures,
    conferences,
    eligibility,
    ladders,
    measures,
    money,
    placements,
    plans,
    providers,
    rounds,
    visits,
)
from services.assistance.store.tables import Table

__all__ = [
    "Table", "after_closure", "closures", "conferences", "eligibility", "ladders", "measures", "money", "placements", "plans", "providers",
    "rounds", "visits",
]  # fmt: skip
