"""What notification measures beyond every service's metrics (KPI K20: failed notices of all notices)."""

from prometheus_client import Counter, Gauge

NOTICES_TOTAL = Counter("notification_notices", "Deliveries by channel and outcome", ("channel", "state"))
ATTEMPTS_FAILED_TOTAL = Counter("notification_attempts_failed", "Attempts a channel refused", ("channel",))
DIGESTED_TOTAL = Counter("notification_digested", "Messages that went out inside another one", ("channel",))
PENDING = Gauge("notification_pending", "Messages that wait to be handed over")
OLDEST_PENDING_SECONDS = Gauge("notification_oldest_pending_seconds", "Age of the oldest message that waits")
