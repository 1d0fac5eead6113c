"""`python -m services.console`."""

from chassis.service import main
from services.console.service import SERVICE

main(SERVICE)
