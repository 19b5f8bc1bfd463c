#!/usr/bin/env bash
# Backup to S3 by ClickHouse's own BACKUP: full on the first run of a month, else the changes since that full one.
# A mark below marks/ is written last: a backup without one never finished. Usage: backup.sh [full]
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A chain is a full backup and its increments of one month, so it is at most 31 days long: objects that live 31 days
# longer than a backup is promised keep the full one until the last increment on it has expired.
month="$(date -u +%Y-%m)"
name="$month/$(date -u +%dT%H%M%SZ)"

# A volume that was lost and replaced: its empty backup would be the newest of the list.
if [[ ! -r "$LAST_BACKUP" && -n "$(marks | tail -1)" && "$(tables)" == 0 ]]; then
    fail "this server holds no tables, and $MDW_BACKUP_BUCKET holds backups: restore one first (restore.sh list). Nothing was written"
fi

kind=increment
base="$(marks "$month/" | sed -n 's/ full$//p' | tail -1)"
if [[ "${1:-}" == full || -z "$base" ]]; then
    kind=full
    base=""
fi

settings=""
[[ -z "$base" ]] || settings="SETTINGS base_backup = S3('$BACKUP_ENDPOINT/$base/')"
say "$kind backup $name${base:+ on $base}"
ask --query "BACKUP ALL EXCEPT DATABASES system, information_schema, INFORMATION_SCHEMA TO S3('$BACKUP_ENDPOINT/$name/') $settings" >/dev/null

printf '{"name": "%s", "kind": "%s", "base": "%s", "version": "%s"}\n' "$name" "$kind" "$base" "$MDW_CLICKHOUSE_VERSION" \
    | aws s3 cp --only-show-errors - "s3://$MDW_BACKUP_BUCKET/marks/$name.$kind"
date -u +%s >"$LAST_BACKUP"
say "finished $name"
