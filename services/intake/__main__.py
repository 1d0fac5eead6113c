"""`python -m services.intake`."""

from chassis.service import main
from services.intake.service import SERVICE

main(SERVICE)
