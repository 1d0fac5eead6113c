"""The guardian ladder over HTTP: reading, steps, compliance checks, other records."""

from services.assistance.api.ladders.checks import router as checks
from services.assistance.api.ladders.reading import router as reading
from services.assistance.api.ladders.records import router as records
from services.assistance.api.ladders.steps import router as steps

ROUTERS = (reading, steps, checks, records)
