"""`python -m deploy.local <verb>`: what the Makefile calls."""

from __future__ import annotations

import argparse
import logging
import sys

from deploy.local import demo, run, testing
from deploy.local.screen import LocalError, fail
from deploy.local.settings import current_settings


def main(arguments: list[str]) -> int:
    """Run one verb; a reason not to run is one line and status 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local")
    parser.add_argument("verb", choices=["run", "demo", "migrate", "test", "check", "clean"])
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="test: arguments for pytest")
    chosen = parser.parse_args(arguments)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it reports each look at a broker still starting
    try:
        match chosen.verb:
            case "run":
                return run.run()
            case "demo":
                return demo.demo()
            case "migrate":
                return run.migrate()
            case "test":
                return testing.test(chosen.rest)
            case "check":
                return testing.check()
            case _:
                return testing.clean(current_settings())
    except LocalError as error:
        fail(error)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
