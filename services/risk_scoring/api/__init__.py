"""The routes of risk scoring: assessments, levels, reviews, reassessments and signals, policy versions."""

from services.risk_scoring.api.levels import router as levels
from services.risk_scoring.api.policies import router as policies
from services.risk_scoring.api.reading import router as reading
from services.risk_scoring.api.reassessments import router as reassessments
from services.risk_scoring.api.reviews import router as reviews
from services.risk_scoring.api.signals import router as signals

ROUTERS = (reading, levels, reviews, reassessments, signals, policies)
