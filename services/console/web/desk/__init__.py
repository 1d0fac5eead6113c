"""The operator's desk (specification of the product's pages, B1): calls taken down, sent, and finished afterwards."""

from fastapi import APIRouter

from services.console.web.desk import pages, side

router = APIRouter(include_in_schema=False)
router.include_router(side.router)
router.include_router(pages.router)
"""Panels stand first: `/desk/queue` is an address of its own, not a draft."""
