"""A door that cannot take a report says so before the first caller finds out."""

from chassis.testing import running
from services.intake.service import SERVICE
from tests.integration.intake.conftest import SETTINGS
from tests.integration.intake.story import township


async def test_intake_is_not_ready_before_it_has_heard_of_the_township() -> None:
    async with running(SERVICE, **SETTINGS) as app:
        waiting = await app.client.get("/readyz")
        assert waiting.status_code == 503
        assert waiting.json()["checks"]["reference"] == "NotHeard"

        await app.publish(township(), "YX")
        await app.settle()

        assert (await app.client.get("/readyz")).status_code == 200
