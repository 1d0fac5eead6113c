"""What supervisors and operators measure of dispatch: speed of each step, breaches, open responses, the auditor's pulse."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from services.dispatch.domain.response import Finished

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_BUCKETS = (
    _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY,
    10 * _DAY,
)  # fmt: skip
_LABELS = ("level", "tier", "department")

ACKNOWLEDGE_SECONDS = Histogram(
    "dispatch_time_to_acknowledge_seconds", "From dispatch to the signature (S4)", _LABELS, buckets=_BUCKETS
)
ARRIVAL_SECONDS = Histogram(
    "dispatch_time_to_arrival_seconds",
    "From the report, or the call-out, to the arrival (S5)",
    _LABELS,
    buckets=_BUCKETS,
)
SAFETY_SECONDS = Histogram(
    "dispatch_time_to_safety_seconds", "From the report to confirmed safety (S6)", _LABELS, buckets=_BUCKETS
)
BREACHES_TOTAL = Counter("dispatch_breaches", "Deadlines that passed unmet", ("step", "level", "department"))
OPEN_RESPONSES = Gauge("dispatch_open_responses", "Responses that are not closed", ("level",))
AUDITOR_OVERDUE = Gauge(
    "dispatch_auditor_overdue", "Armed deadlines that should have fired over a minute ago: must be 0"
)
AUDITOR_SILENT = Gauge("dispatch_auditor_silent", "Breached deadlines that nobody was told of: must be 0")
AUDITOR_PAUSED_TOO_LONG = Gauge(
    "dispatch_auditor_paused_too_long", "Responses whose pause should have ended over a minute ago: must be 0"
)
PROVISIONAL_DEADLINES = Gauge(
    "dispatch_provisional_deadlines", "Armed deadlines that count days of a year whose holidays are not loaded"
)
AUDITOR_HEARTBEAT = Gauge("dispatch_auditor_heartbeat_timestamp_seconds", "When the auditor last finished a round")

_BY_STEP = {
    "S4": ACKNOWLEDGE_SECONDS, "S5a": ARRIVAL_SECONDS, "S5b": ARRIVAL_SECONDS, "S5c": ARRIVAL_SECONDS,
    "S5p": ARRIVAL_SECONDS, "S6": SAFETY_SECONDS,
}  # fmt: skip


def observe(finished: Iterable[Finished], level: str) -> None:
    """Record how long the steps took that an act met."""
    for one in finished:
        deadline = one.clock.deadline
        histogram = _BY_STEP.get(deadline.step)
        if histogram is not None and one.state == "met":
            seconds = max(0.0, (one.at - deadline.anchored_at).total_seconds())
            histogram.labels(level, deadline.tier, deadline.department or "hotline").observe(seconds)
