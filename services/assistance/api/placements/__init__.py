"""Placements over HTTP: reading, proposing, deciding, living there, leaving, and what is owed meanwhile."""

from services.assistance.api.placements.deciding import router as deciding
from services.assistance.api.placements.duties import router as duties
from services.assistance.api.placements.leaving import router as leaving
from services.assistance.api.placements.proposing import router as proposing
from services.assistance.api.placements.reading import router as reading

ROUTERS = (reading, proposing, deciding, leaving, duties)
