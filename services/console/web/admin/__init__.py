"""Administration: who does what when, by which policy, and how the machine does. One module per section."""

from fastapi import APIRouter

from services.console.web.admin import (
    audit,
    calendar,
    clients,
    deliveries,
    developers,
    directory,
    index,
    overrides,
    parked,
    policies,
    rosters,
)

ROUTERS: tuple[APIRouter, ...] = (
    index.router,
    parked.router,
    directory.router,
    clients.router,
    rosters.router,
    overrides.router,
    policies.router,
    deliveries.router,
    audit.router,
    calendar.router,
    developers.router,
)
