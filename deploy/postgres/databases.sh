#!/bin/sh
# One database and one role per service on the server of PGHOST, as its superuser; safe to repeat.
# Names and passwords come from the secrets <service>_database_url (postgresql://role:password@host:port/database). A
# changed password takes effect with the next run. A role owns its database and may connect to no other.
set -eu
secrets=${SECRETS:-/run/secrets}
if [ -e "$secrets/postgres_password" ]; then
    PGPASSWORD=$(cat "$secrets/postgres_password")
    export PGPASSWORD
fi

for file in "$secrets"/*_database_url; do
    address=$(cat "$file")
    user_password=${address#*://}
    user_password=${user_password%%@*}
    database=${address##*/}
    # By environment, not by argument: a process list shows arguments.
    ROLE=${user_password%%:*} PASSWORD=${user_password#*:} NAME=${database%%\?*} psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv role ROLE
\getenv password PASSWORD
\getenv name NAME
SET client_min_messages = warning;
-- The server must not write a password to its log, whatever its settings.
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'role', :'password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'role')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', :'name') \gexec
SQL
    echo "database ${database%%\?*}: ready"
done
