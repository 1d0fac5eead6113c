"""Logins and API clients. Secrets are made here, shown once, and kept nowhere but as the directory's hash."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from services.console.owners import Answer
from services.console.web.admin.frame import Done, everything, show, typed_in, version_of
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Administrator = Annotated[Page, page_of("account.write")]
SCOPES = ("referrals:read", "referrals:act", "reports:create", "events:read", "stats:read")
PERSON_BYTES, CLIENT_BYTES = 12, 32


def new_secret(kind: str) -> str:
    """A password for a person to type once, or a key for a machine."""
    return secrets.token_hex(CLIENT_BYTES) if kind == "client" else secrets.token_urlsafe(PERSON_BYTES)


@router.get("/admin/accounts")
async def show_accounts(page: Administrator, done: Done = "") -> Response:
    """Everybody who can sign in, and every machine that may call."""
    return await _list(page, done=done)


@router.post("/admin/accounts")
async def create_account(page: Administrator, request: Request) -> Response:
    """Make a login or an API client; its secret is shown on the answer and never again."""
    form = await typed_in(request)
    kind = "client" if form.get("kind") == "client" else "person"
    secret = new_secret(kind)
    body: dict[str, Any] = {"name": form.get("name", "").lower(), "kind": kind, "secret": secret}
    if kind == "client":
        body |= {
            "organisation": form.get("organisation") or None,
            "scopes": [scope for scope in SCOPES if form.get(f"scope.{scope}")],
        }
    elif form.get("post"):
        body["posts"] = [form["post"]]
    else:
        body["staff"] = form.get("staff", "").upper() or None
    answer = await page.send("directory", "/api/v1/accounts", body, key=form.get("key"))
    if not answer.ok:
        return await _list(page, typed=form, refusal=answer)
    return await _list(page, shown=(body["name"], secret))


@router.post("/admin/accounts/{name}/secret")
async def renew_secret(page: Administrator, name: str, request: Request) -> Response:
    """Give an account another secret: the old one and its sessions end at once."""
    form = await typed_in(request)
    secret = new_secret(form.get("kind", ""))
    answer = await page.send("directory", f"/api/v1/accounts/{name}/password", {"secret": secret}, key=form.get("key"))
    return await _list(page, refusal=answer) if not answer.ok else await _list(page, shown=(name, secret))


@router.post("/admin/accounts/{name}/disable")
async def disable_account(page: Administrator, name: str, request: Request) -> Response:
    """Close an account for good."""
    form = await typed_in(request)
    path = f"/api/v1/accounts/{name}"
    answer = await page.send("directory", path, method="DELETE", version=version_of(form), key=form.get("key"))
    return await _list(page, refusal=answer) if not answer.ok else page.go("/admin/accounts?done=disabled")


async def _list(
    page: Page,
    *,
    typed: dict[str, str] | None = None,
    refusal: Answer | None = None,
    shown: tuple[str, str] | None = None,
    done: str = "",
) -> Response:
    accounts = await everything(page, "directory", "/api/v1/accounts")
    units = (await page.get("directory", "/api/v1/organisations")).must()["items"]
    content = {
        "people": [one for one in accounts if one["kind"] == "person"],
        "clients": [one for one in accounts if one["kind"] == "client"],
        "units": [unit for unit in units if unit["department"]],
        "scopes": SCOPES,
        "names": await names_for(page),
        "typed": typed or {},
        "shown": shown,
    }
    return show(page, "accounts.html", content, refusal=refusal, done=done)
