"""Did messages arrive: the township's deliveries, by case, state and channel."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response

from services.console.web.admin.frame import _, show
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
STATES = {"pending": _("待发送"), "sent": _("已发出"), "failed": _("发送失败"), "seen": _("已查看")}
CHANNELS = {"app": _("系统内"), "sms": _("短信"), "call": _("语音电话"), "manual": _("人工告知")}


@router.get("/admin/deliveries")
async def show_deliveries(
    page: Annotated[Page, page_of("notice.ledger")],
    case: Annotated[str, Query(max_length=40)] = "",
    state: Literal["", "pending", "sent", "failed", "seen"] = "",
    channel: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """The ledger, newest first."""
    asked = {"case": case.strip(), "state": state, "channel": channel}
    wanted = {"case_number": asked["case"], "state": state, "channel": channel, "cursor": cursor}
    body = (await page.get("notification", "/api/v1/notices/ledger", **wanted, limit=50)).must()
    kept = urlencode({name: value for name, value in asked.items() if value})
    content = {
        "asked": asked,
        "rows": body["items"],
        "cursor": body["next_cursor"],
        "address": f"/admin/deliveries?{kept}",
        "states": STATES,
        "channels": CHANNELS,
        "names": await names_for(page),
    }
    return show(page, "deliveries.html", content)
