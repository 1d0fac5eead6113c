"""The routes of assistance: plans, visits, closures."""

from services.assistance.api.closures import router as closures
from services.assistance.api.plans import router as plans
from services.assistance.api.visits import router as visits

ROUTERS = (plans, visits, closures)
