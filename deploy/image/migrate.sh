#!/bin/sh
# Brings every service's database to the newest revision, one after another; safe to repeat.
# Each service's address comes from its own secret, <service>_database_url, in the folder of secrets. A service's
# settings ask for its keys too; a migration uses none, so none is handed to it.
set -eu
for file in "${SECRETS:-/run/secrets}"/*_database_url; do
    service=$(basename "$file" _database_url)
    echo "migrate: $service"
    DATABASE_URL_FILE=$file MASTER_KEY=none SIGNING_KEY_FILE=/dev/null python -m "services.$service" migrate
done
