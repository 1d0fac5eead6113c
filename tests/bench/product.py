"""The product under load: every service its own process, real Postgres with fsync, real Kafka, reports over HTTP."""

import asyncio
import statistics
import time
from dataclasses import dataclass

import asyncpg

from tests.bench.load import flat_out, steady
from tests.bench.reports import endless
from tests.chain import Chain

POLL_SECONDS = 0.004
WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the 201 to the moment every department's referral is committed in its queue."""

    reports: int
    per_second: float
    accept_p50: float
    accept_p99: float
    queue_p50: float
    queue_p99: float
    refused: int


@dataclass(frozen=True, slots=True)
class Sustained:
    """Reports per second, each fully fanned out, from the first request to the last committed referral."""

    reports: int
    per_second: float
    accepted_per_second: float
    referrals_per_report: float
    refused: int


async def warm_up(chain: Chain) -> None:
    """Fill caches and prepare statements, outside what is measured."""
    await flat_out(_address(chain), await _token(chain), endless(), connections=8, reports=WARM_UP)
    await _drained(chain, WARM_UP)


async def latency(chain: Chain, *, per_second: float = 50.0, seconds: float = 20.0) -> Latency:
    """Open loop at a steady rate; the queue is watched by polling the dispatch database every 4 ms."""
    seen: dict[str, float] = {}
    stop = asyncio.Event()
    watcher = asyncio.create_task(_watch(chain, seen, stop))
    await asyncio.sleep(0.2)
    answers = await steady(_address(chain), await _token(chain), endless(), per_second=per_second, seconds=seconds)
    for _ in range(500):
        if all(case in seen for case in answers.accepted):
            break
        await asyncio.sleep(0.02)
    stop.set()
    await watcher
    delays = [max(0.0, seen[case] - answered) * 1000 for case, answered in answers.accepted.items()]
    accept = [second * 1000 for second in answers.seconds]
    return Latency(
        len(delays), per_second, _p(accept, 50), _p(accept, 99), _p(delays, 50), _p(delays, 99), len(answers.refused)
    )


async def sustained(chain: Chain, *, reports: int = 6000, connections: int = 32) -> Sustained:
    """Closed loop as fast as it goes, then wait until the last report is fanned out."""
    connection = await asyncpg.connect(chain.database_of("dispatch"))
    before = await connection.fetchval("SELECT count(*) FROM response")
    started = time.perf_counter()
    answers = await flat_out(_address(chain), await _token(chain), endless(), connections=connections, reports=reports)
    accepted = time.perf_counter() - started
    while await connection.fetchval("SELECT count(*) FROM response") < before + len(answers.accepted):
        await asyncio.sleep(0.02)
    elapsed = time.perf_counter() - started
    referrals = await connection.fetchval(
        "SELECT count(*)::float8 / count(DISTINCT case_id) FROM referral WHERE case_id = ANY($1::uuid[])",
        list(answers.accepted),
    )
    await connection.close()
    count = len(answers.accepted)
    return Sustained(count, count / elapsed, count / accepted, referrals, len(answers.refused))


async def _watch(chain: Chain, seen: dict[str, float], stop: asyncio.Event) -> None:
    connection = await asyncpg.connect(chain.database_of("dispatch"))
    known = {str(row[0]) for row in await connection.fetch("SELECT case_id FROM response")}
    while not stop.is_set():
        rows = await connection.fetch(
            "SELECT case_id FROM response WHERE dispatched_at > now() - interval '15 seconds'"
        )
        now = time.perf_counter()
        for row in rows:
            case = str(row[0])
            if case not in known and case not in seen:
                seen[case] = now
        await asyncio.sleep(POLL_SECONDS)
    await connection.close()


async def _drained(chain: Chain, reports: int) -> None:
    connection = await asyncpg.connect(chain.database_of("dispatch"))
    for _ in range(1000):
        if await connection.fetchval("SELECT count(*) FROM response") >= reports:
            break
        await asyncio.sleep(0.05)
    await connection.close()


def _address(chain: Chain) -> tuple[str, int]:
    return "127.0.0.1", chain.settings.service_ports["intake"]


async def _token(chain: Chain) -> str:
    return (await chain.login("st127"))["Authorization"]


def _p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else float("nan")
