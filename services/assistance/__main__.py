"""`python -m services.assistance`."""

from chassis.service import main
from services.assistance.service import SERVICE

main(SERVICE)
