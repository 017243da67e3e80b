#!/bin/sh
# Puts a backup of deploy/backup.sh back, while the server is stopped.
#
#   deploy/restore.sh FOLDER/<moment>
#
# SLMGEN_VAR must hold no data yet; with DATABASE_URL, that database must be empty.
set -eu
umask 077
source=$1
var=${SLMGEN_VAR:-$(dirname "$0")/../var}
(cd "$source" && sha256sum --check --quiet SHA256SUMS)
if [ -e "$var/slmgen.sqlite3" ] || [ -n "$(ls -A "$var/files" 2>/dev/null)" ]; then
    echo "$var holds data already; restore into an empty folder." >&2
    exit 1
fi
mkdir -p "$var/files"
if [ -f "$source/database.dump" ]; then
    pg_restore --no-owner --exit-on-error --dbname="$DATABASE_URL" "$source/database.dump"
else
    cp "$source/slmgen.sqlite3" "$var/slmgen.sqlite3"
fi
if [ -f "$source/files.tar" ]; then
    tar --extract --file="$source/files.tar" --directory="$var/files"
fi
if [ -f "$source/secret_key" ]; then
    cp -p "$source/secret_key" "$var/secret_key"
fi
echo "Restored; now start the server: it brings the database up to date by itself."
