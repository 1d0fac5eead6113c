"""The village's pages on a phone: what is to be done, how to go about it, and reporting a child.

Plain forms that work without a script. Each carries its own key from the moment it is shown, so a double tap, or the
outbox that sends it again after a bad connection, does nothing twice.
"""

from fastapi import APIRouter

from services.console.web.village import mine, report, tasks, visits

router = APIRouter(include_in_schema=False)
for _part in (tasks, visits, report, mine):
    router.include_router(_part.router)
