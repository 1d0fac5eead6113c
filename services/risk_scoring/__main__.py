"""`python -m services.risk_scoring`."""

from chassis.service import main
from services.risk_scoring.service import SERVICE

main(SERVICE)
