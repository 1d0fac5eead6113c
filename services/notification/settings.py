"""What notification needs beyond every service's settings."""

from pathlib import Path

from pydantic import Field

from chassis.settings import Settings as EveryService


class Settings(EveryService):
    """Where messages go that have no real provider yet, and how long handing one over is tried."""

    sink_file: Path | None = None
    """Calls, text messages and notices to outside bodies are appended here as JSON lines. None: they are only logged."""
    sink_console: bool = False
    """Also write them to standard output, for a demonstration."""
    delivery_attempts_max: int = Field(default=6, ge=1)
    """After so many attempts a message counts as failed and the duty room is told."""
