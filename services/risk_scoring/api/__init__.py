"""The routes of risk scoring: history and previews, and the level as people change it."""

from services.risk_scoring.api.levels import router as levels
from services.risk_scoring.api.reading import router as reading

ROUTERS = (reading, levels)
