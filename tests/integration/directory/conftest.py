"""The directory with the sample township loaded, and people who log in as they would."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from chassis.testing import Running, running
from services.directory.loading import Outcome, load
from services.directory.service import SERVICE
from services.directory.tokens import new_key

SAMPLE = Path(__file__).parents[2] / "samples" / "township.yaml"
TEXT = SAMPLE.read_text(encoding="utf-8")
PASSWORD = "a password for the sample"

Headers = dict[str, str]
LogIn = Callable[[str], Awaitable[Headers]]


async def load_sample(app: Running, text: str = TEXT) -> Outcome:
    return await load(app.database, text, app.process.runtime.settings, demo=True)


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[Running]:
    """The directory before anything was loaded."""
    key = tmp_path / "signing.pem"
    key.write_bytes(new_key())
    async with running(SERVICE, signing_key_file=key, demo_password=PASSWORD, demo_seed="a seed") as app:
        yield app


@pytest.fixture
async def app(empty: Running) -> Running:
    """The directory with the sample township."""
    await load_sample(empty)
    return empty


@pytest.fixture
def log_in(app: Running) -> LogIn:
    """Logs a person in; gives the request headers of their token."""

    async def headers(name: str) -> Headers:
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        answer = await app.client.post("/oauth/token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return headers
