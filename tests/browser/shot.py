"""`python -m tests.browser.shot WHO PATH FILE [--phone] [--cases N] [--english]`: a picture of a page, for looking at it while building.

Starts the product with the first N cases of the sample, signs WHO in and writes the picture; prints what axe and the browser say.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.browser.site import DESK, PHONE, Site, accessibility_faults, site
from tests.product import Product, product
from tests.samples import golden


async def send_cases(town: Product, count: int) -> None:
    """The first cases of the sample, as if they came in now."""
    for case in golden.golden_cases()[:count]:
        await town.report(case["id"])


async def main(arguments: argparse.Namespace) -> None:
    """Take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with product(Path(folder)) as town:
            await send_cases(town, arguments.cases)
            async with site(town) as opened:
                await _take(opened, arguments)


async def _take(opened: Site, arguments: argparse.Namespace) -> None:
    size = PHONE if arguments.phone else DESK
    locale = "en-GB" if arguments.english else "zh-CN"
    async with opened.person(arguments.who, size=size, locale=locale) as page:
        await page.goto(arguments.path)
        for selector in arguments.click:
            await page.click(selector)
            await page.wait_for_load_state()
        await page.wait_for_timeout(800)
        await page.screenshot(path=arguments.file, full_page=arguments.full)
        lines = [*await accessibility_faults(page), *opened.troubles]
        sys.stdout.write("".join(f"{line}\n" for line in lines) or "no complaint\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.browser.shot")
    parser.add_argument("who")
    parser.add_argument("path")
    parser.add_argument("file")
    parser.add_argument("--phone", action="store_true")
    parser.add_argument("--english", action="store_true")
    parser.add_argument("--full", action="store_true", help="the whole page, not only what fits the screen")
    parser.add_argument("--click", action="append", default=[], help="a selector to press before the picture is taken")
    parser.add_argument("--cases", type=int, default=8)
    asyncio.run(main(parser.parse_args()))
