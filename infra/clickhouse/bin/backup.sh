#!/usr/bin/env bash
# Backup to S3 by ClickHouse's own BACKUP: full on the first run of a month, otherwise the changes since the full one.
# A marker under marks/ is written last: a backup without one is incomplete. Usage: backup.sh [full]
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# A chain is a full backup and its increments of one month, so at most 31 days: objects kept 31 days longer than the
# promised retention keep the full backup until its last increment has expired.
month="$(date -u +%Y-%m)"
name="$month/$(date -u +%dT%H%M%SZ)"

# After a volume was lost and replaced, an empty backup would be the newest in the list.
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
