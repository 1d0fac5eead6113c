"""What the console needs to know beside the settings of every service: where the owners of the data answer."""

from pydantic import Field, SecretStr

from chassis.settings import Settings as Base


class Settings(Base):
    """Addresses of the owning services, without a trailing slash, and how long a person stays signed in."""

    directory_url: str = "http://directory:8000"
    intake_url: str = "http://intake:8000"
    risk_scoring_url: str = "http://risk-scoring:8000"
    dispatch_url: str = "http://dispatch:8000"
    assistance_url: str = "http://assistance:8000"
    notification_url: str = "http://notification:8000"
    owner_seconds_max: float = Field(default=10.0, gt=0)
    """How long a page waits for an owner before it says that the data is not available."""
    secure_cookies: bool = True
    """Off only where people reach the console without TLS (one machine, tests)."""
    draft_key: SecretStr | None = None
    """32 bytes, base64 or hexadecimal: seals the drafts of the desk. Without it drafts last as long as the process."""
