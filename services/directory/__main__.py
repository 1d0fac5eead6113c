"""`python -m services.directory [serve|migrate|load|keygen|publish]`."""

from chassis.service import main
from services.directory.service import SERVICE

main(SERVICE)
