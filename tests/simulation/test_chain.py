"""Hundreds of orders of the same day: whatever the broker, the processes and the clock do, the same cases come out."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.testing import Issuer, running
from services.directory.service import SERVICE as DIRECTORY
from tests.bench.reports import body_of
from tests.samples.golden import golden_case, respond
from tests.simulation.world import World, contiguous, heads, no_holes, positions, world
