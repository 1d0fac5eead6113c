"""The routes of dispatch: referrals, responses, clocks."""

from services.dispatch.api.additions import router as additions
from services.dispatch.api.deadlines import router as deadlines
from services.dispatch.api.extensions import router as extensions
from services.dispatch.api.pauses import router as pauses
from services.dispatch.api.previews import router as previews
from services.dispatch.api.referrals import router as referrals
from services.dispatch.api.rehearsals import router as rehearsals
from services.dispatch.api.responses import router as responses
from services.dispatch.api.supervisions import router as supervisions

ROUTERS = (referrals, pauses, responses, additions, deadlines, extensions, supervisions, rehearsals, previews)
