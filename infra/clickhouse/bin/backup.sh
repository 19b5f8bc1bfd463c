#!/usr/bin/env bash
# Backup to S3 by ClickHouse's own BACKUP: full on the first of a month, else the changes since that full one.
# A marker object is written last: a backup without one never finished. Usage: backup.sh [full]
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Never behind the month's end: the lifecycle removes old months whole, a full one with its increments.
month="$(date -u +%Y-%m)"
name="$month/$(date -u +%dT%H%M%SZ)"
endpoint="https://$MDW_BACKUP_BUCKET.s3.$AWS_DEFAULT_REGION.amazonaws.com"

newest_full() {
    aws s3api list-objects-v2 --bucket "$MDW_BACKUP_BUCKET" --prefix "$month/" \
        --query "sort_by(Contents || \`[]\`, &LastModified)[?ends_with(Key, '.full.done')].Key" --output text \
        | tr '\t' '\n' | grep -v '^None$' | tail -1 | sed 's/\.full\.done$//'
}

kind=increment
base="$(newest_full || true)"
if [[ "${1:-}" == full || -z "$base" ]]; then
    kind=full
    base=""
fi

settings=""
[[ -z "$base" ]] || settings="SETTINGS base_backup = S3('$endpoint/$base/')"
say "$kind backup $name${base:+ on $base}"
ask --query "BACKUP ALL EXCEPT DATABASES system, information_schema, INFORMATION_SCHEMA TO S3('$endpoint/$name/') $settings" >/dev/null

printf '{"name": "%s", "kind": "%s", "base": "%s", "version": "%s"}\n' "$name" "$kind" "$base" "$MDW_CLICKHOUSE_VERSION" \
    | aws s3 cp --only-show-errors - "s3://$MDW_BACKUP_BUCKET/$name.$kind.done"
date -u +%s >"${MDW_STATE:-/var/lib/clickhouse/mdw}.last-backup"
say "finished $name"
