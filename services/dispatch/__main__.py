"""`python -m services.dispatch`."""

from chassis.service import main
from services.dispatch.service import SERVICE

main(SERVICE)
