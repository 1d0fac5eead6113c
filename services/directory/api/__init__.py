"""The directory's routes, by topic."""

from services.directory.api import accounts, appraisals, programme, providers, records, rosters, structure

ROUTERS = (
    structure.router,
    rosters.router,
    providers.router,
    programme.router,
    records.router,
    appraisals.router,
    accounts.router,
)
