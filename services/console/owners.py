"""The owning services as the pages ask them: by HTTP, with the person's own token, so that rights and logs are theirs.

A page never decides what somebody may see or do: the owner does, and its answer, problem or not, is what the page shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from chassis.log import current_traceparent, logger
from services.console.settings import Settings

OWNERS = ("directory", "intake", "risk_scoring", "dispatch", "assistance", "notification")
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an owner said. `body` is its JSON; on a problem it is the problem+json document."""

    status: int
    body: Any
    version: int | None = None

    @property
    def ok(self) -> bool:
        """Did it do what was asked?"""
        return self.status < 400

    def must(self) -> Any:
        """The body of an answer that has to be good. Raises OwnerRefused: the refusal is then what the person sees."""
        if not self.ok:
            raise OwnerRefused(self)
        return self.body

    @property
    def code(self) -> str | None:
        """The stable code of the problem."""
        return self.body.get("code") if isinstance(self.body, Mapping) and not self.ok else None


class OwnerRefused(Exception):
    """An owner's refusal that the page has no better answer for than to show it as it is."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.code}")
        self.answer = answer


AWAY = 503


class Owners:
    """One client for all owners. Connections are kept; nothing is tried twice, for the person may do that.

    `transports` leads addresses elsewhere than to the network, for owners that run in the same process.
    """

    def __init__(self, settings: Settings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self._addresses = {owner: getattr(settings, f"{owner}_url") for owner in OWNERS}
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=50)
        self._client = httpx.AsyncClient(
            timeout=settings.owner_seconds_max, trust_env=False, limits=limits, mounts=dict(transports or {})
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def ask(
        self,
        owner: str,
        method: str,
        path: str,
        *,
        token: str | None = None,
        language: str = "zh",
        body: Any = None,
        form: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        version: int | None = None,
        key: str | None = None,
    ) -> Answer:
        """One request. An owner that cannot be reached is an answer too: status 503, code `owner_away`."""
        headers = {"Accept-Language": "zh-CN" if language == "zh" else "en"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if version is not None:
            headers["If-Match"] = f'"v{version}"'
        if key is not None:
            headers["Idempotency-Key"] = key
        if trace := current_traceparent():
            headers["traceparent"] = trace
        content = None
        if body is not None:
            content = orjson.dumps(body)
            headers["Content-Type"] = "application/json"
        wanted = {name: value for name, value in (parameters or {}).items() if value not in (None, "")}
        try:
            reply = await self._client.request(
                method,
                self._addresses[owner] + path,
                params=wanted,
                content=content,
                data=dict(form) if form is not None else None,
                headers=headers,
            )
        except httpx.HTTPError as error:
            log.warning("owner_away", owner=owner, error=type(error).__qualname__)
            return Answer(AWAY, {"code": "owner_away", "owner": owner})
        return Answer(reply.status_code, _json(reply), _version(reply))

    async def download(
        self, owner: str, path: str, *, token: str, language: str = "zh", parameters: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """A file of an owner, not yet read: pass it on piece by piece, then close it. Raises OwnerRefused."""
        headers = {"Accept-Language": "zh-CN" if language == "zh" else "en", "Authorization": f"Bearer {token}"}
        wanted = {name: value for name, value in (parameters or {}).items() if value not in (None, "")}
        request = self._client.build_request("GET", self._addresses[owner] + path, params=wanted, headers=headers)
        try:
            reply = await self._client.send(request, stream=True)
            if reply.status_code < 400:
                return reply
            await reply.aread()
        except httpx.HTTPError as error:
            log.warning("owner_away", owner=owner, error=type(error).__qualname__)
            raise OwnerRefused(Answer(AWAY, {"code": "owner_away", "owner": owner})) from None
        raise OwnerRefused(Answer(reply.status_code, _json(reply)))

    async def upload(
        self, owner: str, path: str, content: bytes, *, token: str, language: str = "zh", key: str
    ) -> Answer:
        """Hand a file in as `file`. Its name stays here: names of files tell about people too."""
        headers = {"Accept-Language": "zh-CN" if language == "zh" else "en", "Authorization": f"Bearer {token}"}
        headers["Idempotency-Key"] = key
        try:
            reply = await self._client.post(
                self._addresses[owner] + path, files={"file": ("file", content)}, headers=headers
            )
        except httpx.HTTPError as error:
            log.warning("owner_away", owner=owner, error=type(error).__qualname__)
            return Answer(AWAY, {"code": "owner_away", "owner": owner})
        return Answer(reply.status_code, _json(reply), _version(reply))


def _json(reply: httpx.Response) -> Any:
    try:
        return orjson.loads(reply.content) if reply.content else None
    except orjson.JSONDecodeError:
        return None


def _version(reply: httpx.Response) -> int | None:
    tag = reply.headers.get("etag", "")
    digits = tag[2:-1] if tag.startswith('"v') else ""
    return int(digits) if digits.isdigit() else None
