"""Every number the chassis measures, in one place. Labels take values chosen by code only: no ids, no input.

A service adds its own as prometheus_client objects in its `metrics.py`, names prefixed with the service's name; one
process is one service, so the process's registry is the service's registry.
"""

import asyncio

from prometheus_client import Counter, Gauge, Histogram

from chassis.clock import monotonic

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATE = (0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 43200)

HTTP_SECONDS = Histogram(
    "http_request_seconds", "Time to answer a request", ("route", "method", "status"), buckets=_FAST
)
POOL_WAIT_SECONDS = Histogram("pool_wait_seconds", "Wait for a database connection", buckets=_FAST)
LOOP_LAG_SECONDS = Gauge("loop_lag_seconds", "How late the event loop woke up at the last sample")

RELAY_OLDEST_UNSENT_SECONDS = Gauge("relay_oldest_unsent_seconds", "Age of the oldest event not yet sent to the broker")
RELAY_SENT_TOTAL = Counter("relay_sent", "Events sent to the broker", ("topic",))
RELAY_REFILLS_TOTAL = Counter("relay_refills", "Times the broker was found empty and the outbox was sent again")

CONSUMER_LAG_SECONDS = Gauge("consumer_lag_seconds", "Age of the oldest event received and not yet applied", ("topic",))
CONSUMER_APPLIED_TOTAL = Counter("consumer_applied", "Events applied", ("topic",))
CONSUMER_DUPLICATES_TOTAL = Counter("consumer_duplicates", "Events seen before and skipped", ("topic",))
CONSUMER_GAPS_TOTAL = Counter("consumer_gaps", "Events that came before an earlier one of their key", ("topic",))
PARKED_KEYS = Gauge("parked_keys", "Keys whose events wait for an operator", ("topic",))

DEADLINE_FIRED_TOTAL = Counter("deadline_fired", "Deadline stages fired", ("kind", "stage"))
DEADLINE_FAILED_TOTAL = Counter("deadline_failed", "Deadline stages held back because their handler failed")
DEADLINE_LATENESS_SECONDS = Histogram(
    "deadline_lateness_seconds", "How long after its time a stage fired", ("kind",), buckets=_LATE
)
DEADLINES_ARMED = Gauge("deadlines_armed", "Deadlines that will fire unless ended")
DEADLINES_OVERDUE = Gauge("deadlines_overdue", "Armed deadlines whose next stage is past")
AUDITOR_OPEN_WITHOUT_DEADLINE = Gauge(
    "auditor_open_without_deadline", "Open pieces of work that no armed deadline watches: must be 0"
)

PERIODIC_DONE_AT_SECONDS = Gauge(
    "periodic_done_at_seconds", "Unix time at which periodic work last succeeded", ("job",)
)

_SAMPLE_SECONDS = 1.0


async def watch_loop() -> None:
    """Sample how late the event loop runs, for ever. A lag of seconds means something blocks every request."""
    while True:
        before = monotonic()
        await asyncio.sleep(_SAMPLE_SECONDS)
        LOOP_LAG_SECONDS.set(max(0.0, monotonic() - before - _SAMPLE_SECONDS))
