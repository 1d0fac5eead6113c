"""`python -m services.notification [serve|migrate]`."""

from chassis.service import main
from services.notification.service import SERVICE

main(SERVICE)
