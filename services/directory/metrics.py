"""What the directory counts beyond every service's metrics."""

from prometheus_client import Counter, Gauge

ALERTS = Gauge("directory_alerts", "Vacant posts and uncovered roster hours", ("kind",))
TOKENS_TOTAL = Counter("directory_tokens", "Token requests by grant and outcome", ("grant", "outcome"))
