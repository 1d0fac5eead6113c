"""The console on one page: what it reacts to, its pages and its own numbers."""

from pathlib import Path

from chassis.service import Periodic, Runtime, Service
from contracts.access import Subject, may
from services.console import api, handlers, rebuilding, web
from services.console.owners import Owners
from services.console.settings import Settings
from services.console.web import live
from services.console.web.desk import drafts

FORGET_EVERY_SECONDS = 300.0


async def startup(runtime: Runtime) -> None:
    """Connect the owners, open the live line, and read the key of the drafts."""
    runtime.resources["owners"] = Owners(runtime.settings)
    runtime.resources[live.LINE] = live.Line(runtime.database)
    key = runtime.settings.draft_key
    runtime.resources[drafts.MASTER] = drafts.master_key(key.get_secret_value() if key else None)


SERVICE = Service(
    name="console",
    handlers=handlers.HANDLERS,
    routers=(api.router, *web.ROUTERS),
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    periodic=(
        Periodic("live", live.POLL_SECONDS, live.run),
        Periodic("ended lines", live.DISMISS_SECONDS, live.dismiss),
        Periodic("old hints", FORGET_EVERY_SECONDS, live.forget),
        Periodic("old drafts", FORGET_EVERY_SECONDS, drafts.forget),
    ),
    startup=startup,
    public=web.PUBLIC,
    furnish=web.furnish,
    body_caps=web.BODY_CAPS,
    commands={"rebuild": rebuilding.COMMAND},
)
