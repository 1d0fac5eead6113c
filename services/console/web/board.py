"""The supervisors' board: numbers with their definitions, where time is lost, and what needs a person now.

Everything is counted from the console's own read model with the reader's own limits; every number leads to a list.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response

from chassis.clock import new_uuid7
from chassis.http import Reading
from chassis.transaction import Connection
from services.console.api import policy_of
from services.console.indicators import board
from services.console.indicators.asking import Asked, narrowed, sees_small_counts
from services.console.indicators.counting import Figure, figures
from services.console.web.names import names_for
from services.console.web.page import Page, page_of

router = APIRouter(include_in_schema=False)
Period = Literal["24h", "7d", "30d", "12m"]
PERIODS: dict[str, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "12m": timedelta(days=365),
}
LEVELS = ("red", "orange", "yellow", "blue")
STEPS = ("S3", "S4", "S5a", "S5b", "S5c", "S6", "S8", "S9", "S13")
FEW_FOR_A_SHARE = 5
"""Below this a percentage says nothing; the counts stand for themselves."""
GOOD_SHARE = 0.95
"""What the policy asks of most steps (K3, K7)."""
SHOWN = ("K3", "K4", "K5", "K6", "K12", "K13", "K14")
Reader = Annotated[Page, page_of("indicator.read")]
Village = Annotated[str | None, Query(max_length=40)]


@dataclass(frozen=True, slots=True)
class View:
    """What the address of a board says: it can be kept, shared and tested."""

    period: str
    level: str | None
    village: str | None
    department: str | None

    def address(self, path: str = "/board", **changed: str | None) -> str:
        """The same view at another address, or with something changed."""
        asked = {
            "period": self.period,
            "level": self.level,
            "village": self.village,
            "department": self.department,
            **changed,
        }
        return f"{path}?{urlencode({name: value for name, value in asked.items() if value})}"

    def asked(self, page: Page, now: datetime) -> Asked:
        """The question, narrowed to what this reader may see."""
        villages = (self.village,) if self.village else None
        whole = Asked(
            page.subject.township, now - PERIODS[self.period], now, now, villages, self.department, self.level
        )
        return narrowed(whole, page.subject)


@router.get("/board")
async def show_board(
    page: Reader,
    db: Reading,
    period: Period = "7d",
    level: Annotated[str, Query(max_length=10)] = "",
    village: Village = None,
    department: Village = None,
) -> Response:
    """The board."""
    view = View(period, level if level in LEVELS else None, village or None, department or None)
    return page.show("board.html", await content_of(page, db, view))


@router.get("/board/parts/{part}")
async def show_part(
    page: Reader,
    db: Reading,
    part: Literal["numbers", "matrix", "villages", "attention", "departments"],
    period: Period = "7d",
    level: Annotated[str, Query(max_length=10)] = "",
    village: Village = None,
    department: Village = None,
) -> Response:
    """One part of the board, asked again when something changed."""
    view = View(period, level if level in LEVELS else None, village or None, department or None)
    return page.show("board.html", await content_of(page, db, view), block=part)


@router.get("/board/wall")
async def show_wall(page: Reader, db: Reading, period: Period = "24h") -> Response:
    """The wallboard: read from across the room, nothing to press; a lost connection is said in big type."""
    return page.show("wall.html", await content_of(page, db, View(period, None, None, None)))


@router.post("/board/urge")
async def urge(
    page: Annotated[Page, page_of("case.urge")],
    case_id: Annotated[str, Form(max_length=40)],
    key: Annotated[str, Form(max_length=60)],
    organisation: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """催办."""
    body = {"organisations": organisation or []}
    answer = await page.send("dispatch", f"/api/v1/responses/{case_id}/urges", body, key=key)
    answer.must()
    return page.show("board.html", {"acted": "urged"}, block="acted")


async def content_of(page: Page, db: Connection, view: View) -> dict[str, Any]:
    """Everything the board shows of a view, for page, wallboard and export alike."""
    now: datetime = await db.fetchval("SELECT app_now()")
    asked = view.asked(page, now)
    policy = policy_of(now)
    few = policy.kpis.rules.small_counts
    small = sees_small_counts(page.subject, few.outside)
    counted = await figures(db, asked, policy, wanted=SHOWN, small=small)
    structure = await db.fetchval("SELECT structure FROM fact_township WHERE township = $1", page.subject.township)
    return {
        "view": view,
        "asked": asked,
        "as_of": now,
        "levels": LEVELS,
        "steps": STEPS,
        "periods": tuple(PERIODS),
        "stages": board.STAGES,
        "buckets": board.BUCKETS,
        "definitions": {kpi.id: kpi for kpi in policy.kpis.list},
        **_told(counted, 0 if small else few.suppress_below),
        "headline": await board.headline(db, asked),
        "matrix": {(row["level"], row["step"]): row for row in await board.matrix(db, asked)},
        "villages": _tiles(structure, await board.villages(db, asked), 0 if small else few.suppress_below),
        "trend": await board.trend(db, asked),
        "distribution": await board.distribution(db, asked),
        "waterfall": await board.waterfall(db, asked),
        "departments": await board.departments(db, asked),
        "attention": await board.attention(db, asked),
        "names": await names_for(page),
        "key": str(new_uuid7()),
        "acted": None,
        "few": 0 if small else few.suppress_below,
    }


def _tiles(structure: Any, rows: list[dict[str, Any]], few: int) -> list[dict[str, Any]]:
    """One tile for every village, whether or not anything is open there; counts too small to show are merged."""
    found = {row["village"]: row for row in rows}
    tiles = []
    for village in (structure or {}).get("villages", ()):
        row = found.get(village["code"], {"cases": 0, "red": 0, "late": 0, "soon": 0})
        state = "over" if row["late"] else "soon" if row["soon"] else "normal"
        hidden = 0 < row["cases"] < few
        tiles.append({**row, "code": village["code"], "zone": village["zone"], "state": state, "hidden": hidden})
    return tiles


def _told(counted: list[Figure], few: int) -> dict[str, Any]:
    """How the templates word figures: a share needs five to be a percentage, and n stands beside it."""
    found = {(figure.kpi, figure.measure): figure for figure in counted}

    def share(kpi: str, measure: str | None = None) -> str:
        figure = found.get((kpi, measure))
        return "—" if figure is None or figure.value is None else f"{figure.value:.0f}%"

    def count(kpi: str, measure: str | None = None) -> str:
        figure = found.get((kpi, measure))
        return f"<{few}" if figure is None or figure.suppressed else str(figure.among or 0)

    def minutes(measure: str) -> str:
        figure = found.get(("K6", measure))
        return "—" if figure is None or figure.value is None else f"{figure.value:.0f}"

    def rate(part: int | None, whole: int | None) -> str:
        return "—" if not whole or whole < FEW_FOR_A_SHARE else f"{100 * (part or 0) / whole:.0f}%"

    def cell_state(cell: dict[str, Any] | None) -> str:
        if not cell or cell["due"] < FEW_FOR_A_SHARE:
            return ""
        return "cell-good" if cell["on_time"] >= GOOD_SHARE * cell["due"] else "cell-bad"

    def shown(count: int | None) -> str:
        return f"<{few}" if count and count < few else str(count or 0)

    return {"share": share, "count": count, "minutes": minutes, "rate": rate, "cell_state": cell_state, "shown": shown}
