#!/bin/sh
# Copies everything that cannot be made again into FOLDER/<moment>, while the server runs.
#
#   deploy/backup.sh FOLDER            keeps backups for 35 days (SLMGEN_BACKUP_DAYS)
#
# It reads SLMGEN_VAR and DATABASE_URL as the server does. With SLMGEN_STORAGE=s3 the
# objects are not copied: give the bucket versions or a replica.
set -eu
umask 077
target=$1/$(date -u +%Y%m%dT%H%M%SZ)
var=${SLMGEN_VAR:-$(dirname "$0")/../var}
python=${PYTHON:-$(dirname "$0")/../.venv/bin/python}
mkdir -p "$target"
# The database first: each file that a row in it names is there already, and files are
# never changed. What is deleted meanwhile is missing in the copy, as it should be.
if [ -n "${DATABASE_URL:-}" ]; then
    pg_dump --format=custom --file="$target/database.dump" "$DATABASE_URL"
else
    "$python" - "$var/slmgen.sqlite3" "$target/slmgen.sqlite3" <<'PYTHON'
import sqlite3
import sys
from contextlib import closing

source, copy = sys.argv[1:]
with closing(sqlite3.connect(source, timeout=20)) as here:
    with closing(sqlite3.connect(copy)) as there:
        here.backup(there)
PYTHON
fi
if [ "${SLMGEN_STORAGE:-files}" = files ] && [ -d "$var/files" ]; then
    tar --create --file="$target/files.tar" --exclude=./incoming --directory="$var/files" \
        --warning=no-file-changed --ignore-failed-read .
fi
if [ -f "$var/secret_key" ]; then
    cp -p "$var/secret_key" "$target/secret_key"
fi
(cd "$target" && sha256sum -- * > SHA256SUMS)
find "$1" -mindepth 1 -maxdepth 1 -type d -name '????????T??????Z' \
    -mtime +"${SLMGEN_BACKUP_DAYS:-35}" -exec rm -r {} +
echo "$target"
