#!/bin/sh
# Puts a backup of deploy/backup.sh back, while the server is stopped.
#
#   deploy/restore.sh FOLDER/<moment>
#
# SLMGEN_VAR must hold no data yet; with DATABASE_URL, that database must be empty. As
# root, what is restored is given to the owner of SLMGEN_VAR.
set -eu
umask 077

fail() {
    echo "restore.sh: $1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "expected one argument, the folder of one backup."
for name in SLMGEN_VAR DATABASE_URL; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        eval "$name=\$(cat \"\$file\")"
    fi
done
source=$1
var=${SLMGEN_VAR:-$(dirname "$0")/../var}
[ -f "$source/SHA256SUMS" ] || fail "$source is no backup: it has no SHA256SUMS."
(cd "$source" && sha256sum --check --quiet SHA256SUMS) ||
    fail "the backup is damaged; nothing was restored."
if [ -e "$var/slmgen.sqlite3" ] || [ -n "$(ls -A "$var/files" 2>/dev/null)" ]; then
    fail "$var holds data already; restore into an empty folder."
fi
if [ -f "$source/database.dump" ] && [ -z "${DATABASE_URL:-}" ]; then
    fail "the backup is of PostgreSQL; set DATABASE_URL to an empty database."
fi
mkdir -p "$var/files"
if [ -f "$source/database.dump" ]; then
    pg_restore --no-owner --exit-on-error --dbname="$DATABASE_URL" "$source/database.dump"
else
    cp "$source/slmgen.sqlite3" "$var/slmgen.sqlite3"
fi
if [ -f "$source/files.tar" ]; then
    tar --extract --file="$source/files.tar" --directory="$var/files" --no-same-owner
fi
if [ -f "$source/secret_key" ]; then
    cp "$source/secret_key" "$var/secret_key"
fi
# The folder of a service's state belongs to the user that the service runs as. ("/.":
# systemd makes it a link.)
if [ "$(id -u)" -eq 0 ]; then
    chown --recursive --reference="$var/." "$var/."
fi
echo "Restored; now start the server: it brings the database up to date by itself."
