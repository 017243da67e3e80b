#!/bin/sh
# Copies everything that cannot be created again to FOLDER/<moment>, while the server runs.
#
#   deploy/backup.sh FOLDER            keeps backups for 35 days (SLMGEN_BACKUP_DAYS)
#
# It reads SLMGEN_VAR and DATABASE_URL as the server does. With SLMGEN_STORAGE=s3 the
# objects are not copied: give the bucket versions or a replica. It needs GNU tar, flock
# and, for PostgreSQL, pg_dump.
set -eu
umask 077

fail() {
    echo "backup.sh: $1" >&2
    exit 1
}

finish() {
    status=$?
    if [ -n "$part" ]; then
        rm -rf "$part"
    fi
    if [ "$status" -ne 0 ]; then
        echo "backup.sh: no backup was made; what went wrong is above." >&2
    fi
}

part=
trap finish EXIT
trap 'exit 143' HUP INT TERM

[ $# -eq 1 ] || fail "expected one argument, the folder of all backups."
for name in SLMGEN_VAR DATABASE_URL SLMGEN_STORAGE; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        eval "$name=\$(cat \"\$file\")"
    fi
done
var=${SLMGEN_VAR:-$(dirname "$0")/../var}
python=${PYTHON:-$(dirname "$0")/../.venv/bin/python}

mkdir -p "$1"
# One second names one backup.
while moment=$(date -u +%Y%m%dT%H%M%SZ) && [ -e "$1/$moment" ]; do
    sleep 1
done
part=$(mktemp -d "$1/.$moment.XXXXXX.part")

# As long as this lock is held, the server deletes no stored file. Each row of the
# database's copy, made after this, has its files until the end. Files are never changed
# and are there before their row, so the copy of the files holds all of them.
if [ "${SLMGEN_STORAGE:-files}" = files ]; then
    [ -d "$var/files" ] ||
        fail "$var/files is no folder; set SLMGEN_VAR to the folder that the server uses."
    exec 9< "$var/files"
    flock --exclusive --wait 30 9 ||
        fail "$var/files is locked; does another backup run? Try again when it has ended."
fi

if [ -n "${DATABASE_URL:-}" ]; then
    pg_dump --format=custom --file="$part/database.dump" "$DATABASE_URL" ||
        fail "pg_dump did not copy the database."
else
    "$python" - "$var/slmgen.sqlite3" "$part/slmgen.sqlite3" <<'PYTHON' ||
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

source, copy = (Path(name).resolve() for name in sys.argv[1:])
try:
    # Without rw, a wrong path would be an empty database and a worthless backup.
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=60)) as here,
        closing(sqlite3.connect(copy)) as there,
    ):
        here.backup(there)
except sqlite3.Error as error:
    sys.exit(f"backup.sh: {source}: {error}")
PYTHON
        fail "the database was not copied."
fi

if [ "${SLMGEN_STORAGE:-files}" = files ]; then
    status=0
    tar --create --file="$part/files.tar" --directory="$var/files" \
        --exclude=./incoming --exclude=./ready \
        --warning=no-file-changed --warning=no-file-removed . || status=$?
    # 1: files without a row went while tar read the folder (an upload that was refused),
    # as they may. Anything else, such as a file that cannot be read, is 2.
    [ "$status" -le 1 ] || fail "tar did not copy the files."
fi
if [ -f "$var/secret_key" ]; then
    cp -p "$var/secret_key" "$part/secret_key"
fi
(cd "$part" && sha256sum -- * > SHA256SUMS)
mv "$part" "$1/$moment"
part=
find "$1" -mindepth 1 -maxdepth 1 -type d -name '????????T??????Z' \
    -mtime +"${SLMGEN_BACKUP_DAYS:-35}" -exec rm -r {} +
# Of a backup that was killed.
find "$1" -mindepth 1 -maxdepth 1 -type d -name '.????????T??????Z.*.part' \
    -mmin +1440 -exec rm -r {} +
echo "$1/$moment"
