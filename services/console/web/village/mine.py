"""我的: language, size of the letters, what waits to be sent, signing out."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.console.web.village.forms import LARGE, Reader, show

router = APIRouter()


@router.get("/m/me")
async def show_me(page: Reader) -> Response:
    """我的: language, size of the letters, what waits to be sent, signing out."""
    return await show(page, "m/me.html", {})


@router.post("/m/size")
async def choose_size(page: Reader, request: Request) -> Response:
    """Large letters on or off, in this browser."""
    response = RedirectResponse("/m/me", 303)
    if (await request.form()).get("size") == "large":
        response.set_cookie(LARGE, "large", max_age=365 * 86400, httponly=True, samesite="lax", path="/m")
    else:
        response.delete_cookie(LARGE, path="/m")
    return response
