"""Published townships whole, with posts, rosters and what stands in place of a shift: who can be reached."""

from collections.abc import Iterable

from chassis.transaction import Connection
from contracts.directory import TownshipPublished

_parsed: dict[str, TownshipPublished] = {}


async def published(db: Connection, codes: Iterable[str]) -> dict[str, TownshipPublished]:
    """The newest publication of each of these townships that has one, parsed once per version."""
    wanted = sorted(set(codes))
    rows = await db.fetch("SELECT township, version FROM township_snapshot WHERE township = ANY($1::text[])", wanted)
    versions = {row["township"]: row["version"] for row in rows}
    stale = [code for code, version in versions.items() if code not in _parsed or _parsed[code].version != version]
    if stale:
        for row in await db.fetch("SELECT body FROM township_snapshot WHERE township = ANY($1::text[])", stale):
            township = TownshipPublished.model_validate(row["body"])
            _parsed[township.township] = township
    return {code: _parsed[code] for code in versions}
