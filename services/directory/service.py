"""The directory on one page: its routes, its verbs, and what its startup makes."""

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path

from chassis.auth import Verifier
from chassis.clock import new_uuid7
from chassis.database import Database
from chassis.log import logger
from chassis.service import Command, Periodic, Runtime, Service
from chassis.transaction import Cause
from contracts.access import Subject, may
from services.directory import loading, store
from services.directory.api import ROUTERS
from services.directory.domain.alerts import Alert, alerts
from services.directory.firing import on_deadlines_fired
from services.directory.metrics import ALERTS
from services.directory.oauth import router as oauth_router
from services.directory.passwords import Passwords
from services.directory.settings import Settings
from services.directory.tokens import Issuer, read_keys, write_keys
from services.directory.views import Townships
from services.directory.watching import watch_gaps

ALERTS_EVERY_SECONDS = 60.0
GAPS_EVERY_SECONDS = 600.0
log = logger(__name__)


async def startup(runtime: Runtime) -> None:
    """Read the signing keys. Raises OSError or UnusableKey when there are none: no directory without keys."""
    settings: Settings = runtime.settings
    pem = await asyncio.to_thread(settings.signing_key_file.read_bytes)
    issuer = Issuer(read_keys(pem), settings.token_issuer, settings.token_audience)
    runtime.resources.update(
        issuer=issuer,
        verifier=Verifier(issuer.read_jwks, settings.token_issuer, settings.token_audience),
        passwords=Passwords(),
        townships=Townships(),
        lifetimes={"person": settings.person_token_lifetime, "client": settings.client_token_lifetime},
        alerts=frozenset[Alert](),
    )


async def watch_alerts(runtime: Runtime) -> None:
    """Show what is missing as a metric, and log each alert when it appears."""
    found: set[Alert] = set()
    async with runtime.database.reading() as db:
        for row in await db.fetch("SELECT code FROM township"):
            township = await runtime.resources["townships"].get(db, row["code"])
            found.update(alerts(township[1]) if township else ())
    counts = Counter(alert.kind for alert in found)
    for kind in ("vacant_post", "empty_roster", "roster_gap"):
        ALERTS.labels(kind).set(counts[kind])
    for alert in sorted(found - runtime.resources["alerts"], key=lambda one: (one.kind, one.place)):
        log.warning("directory_alert", kind=alert.kind, post=alert.post, place=alert.place, minutes=alert.minutes)
    runtime.resources["alerts"] = frozenset(found)


def _keygen_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "make the signing key file when it is missing"
    parser.add_argument("--rotate", action="store_true", help="put a new key in front; the old ones stay published")


async def _keygen(arguments: argparse.Namespace, settings: Settings) -> int:
    written = await asyncio.to_thread(write_keys, settings.signing_key_file, rotate=arguments.rotate)
    sys.stdout.write(f"{settings.signing_key_file}: {'written' if written else 'kept'}\n")
    return 0


def _publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "announce a township again, as it is"
    parser.add_argument("township")


async def _publish(arguments: argparse.Namespace, settings: Settings) -> int:
    database = await Database.open(settings.database_url, name="directory publish", pool_max=2)
    identity = new_uuid7()
    try:
        async with database.transaction(Cause(identity, str(identity))) as tx:
            await tx.lock([arguments.township])
            if await store.township_version(tx.db, arguments.township) is None:
                sys.stderr.write(f"{arguments.township}: not loaded\n")
                return 1
            await store.announce(tx, arguments.township)
    finally:
        await database.close()
    return 0


SERVICE = Service(
    name="directory",
    handlers={},
    routers=(oauth_router, *ROUTERS),
    migrations=Path(__file__).parent / "migrations",
    settings=Settings,
    subject_of=Subject.from_claims,
    may=may,
    on_fired=on_deadlines_fired,
    periodic=(
        Periodic("alerts", ALERTS_EVERY_SECONDS, watch_alerts),
        Periodic("roster_gaps", GAPS_EVERY_SECONDS, watch_gaps),
    ),
    startup=startup,
    commands={
        "load": Command(loading.add_arguments, loading.run),
        "keygen": Command(_keygen_arguments, _keygen),
        "publish": Command(_publish_arguments, _publish),
    },
)
