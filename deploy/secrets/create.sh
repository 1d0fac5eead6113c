#!/bin/sh
# Makes the secrets that compose.yaml mounts, once: a file that exists is never made again. Needs only openssl.
# Usage: deploy/secrets/create.sh [folder]      (default: files/ beside this script)
#
# Compose mounts a secret with the owner and mode it has on this machine, and every container runs as another user. So
# the files are readable, and the folder is closed to all but its owner: on this machine nobody else gets to them.
set -eu

folder=${1:-$(dirname "$0")/files}
services="directory intake risk_scoring dispatch assistance notification console"

umask 077
mkdir -p "$folder"
chmod 700 "$folder"

# make NAME COMMAND...: the command's output becomes the secret, whole or not at all.
make() {
    name=$1
    shift
    if [ ! -e "$folder/$name" ]; then
        "$@" > "$folder/.$name.new"
        chmod 444 "$folder/.$name.new"
        mv "$folder/.$name.new" "$folder/$name"
        echo "created $name"
    fi
}

random_key() { openssl rand -base64 32; }
password() { openssl rand -hex 24; }
signing_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }
database_url() {
    secret=$(password) # apart, so that a failing openssl stops the script
    echo "postgresql://$1:$secret@postgres:5432/$1"
}

make postgres_password password
for service in $services; do
    make "${service}_database_url" database_url "$service"
done
make master_key random_key
make cursor_key random_key
make draft_key random_key
make signing_key signing_key
make grafana_password password
