"""The routes of assistance, a module per topic."""

from services.assistance.api.after_closure import notices as closing_notices
from services.assistance.api.after_closure import router as after_case_reviews
from services.assistance.api.closures import router as closures
from services.assistance.api.conferences import router as conferences
from services.assistance.api.disbursements import lines as budget_lines
from services.assistance.api.disbursements import router as disbursements
from services.assistance.api.eligibility import router as eligibility
from services.assistance.api.ladders import ROUTERS as LADDERS
from services.assistance.api.measures import router as measures
from services.assistance.api.placements import ROUTERS as PLACEMENTS
from services.assistance.api.plans import router as plans
from services.assistance.api.provider_tasks import assigning
from services.assistance.api.provider_tasks import router as provider_tasks
from services.assistance.api.visits import router as visits

ROUTERS = (
    plans,
    visits,
    assigning,
    measures,
    eligibility,
    conferences,
    budget_lines,
    disbursements,
    provider_tasks,
    closures,
    closing_notices,
    after_case_reviews,
    *LADDERS,
    *PLACEMENTS,
)
