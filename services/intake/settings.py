"""What intake needs to know beside what every service does."""

from pydantic import Field, SecretStr

from chassis.settings import Settings


class IntakeSettings(Settings):
    """`master_key` (MASTER_KEY_FILE) is 32 random bytes, base64 or hex: it wraps the vault's data keys. Losing it loses them."""

    master_key: SecretStr
    receipt_pause_seconds: float = Field(default=0.2, ge=0)
    """What one look at a receipt costs, found or not."""
