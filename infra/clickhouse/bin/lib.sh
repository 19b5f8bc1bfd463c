# shellcheck shell=bash
# Shared by all scripts: settings of the machine, logging, and queries to ClickHouse.
set -Eeuo pipefail

NODE_ENV="${MDW_NODE_ENV:-/etc/mdw/node.env}"
SECRET_ENV="${MDW_SECRET_ENV:-/etc/mdw/secret.env}"
# shellcheck disable=SC2034
TLS_DIR="${MDW_TLS_DIR:-/etc/clickhouse-server/tls}"
# shellcheck disable=SC2034
LAST_BACKUP="${MDW_STATE:-/var/lib/clickhouse/mdw}.last-backup"
set -a
# shellcheck source=/dev/null
source "$NODE_ENV"
# shellcheck source=/dev/null
[[ ! -r "$SECRET_ENV" ]] || source "$SECRET_ENV"
set +a

say() { printf '%s %s: %s\n' "$(date -u +%FT%TZ)" "${0##*/}" "$*"; }
fail() { say "FAILED: $*" >&2; exit 1; }
trap 'fail "line $LINENO: ${BASH_COMMAND%% *} returned $?"' ERR

# The first name of a node in the zone, such as clickhouse.mdw.internal.
fqdn() { printf '%s.%s' "${1:-$MDW_NODE}" "$MDW_ZONE"; }

# The password is passed by the environment, because arguments are visible in ps.
ask() {
    CLICKHOUSE_PASSWORD="$MDW_BOOTSTRAP_PASSWORD" clickhouse-client --secure --host localhost --port 9440 \
        --user bootstrap --config-file /etc/mdw/client.xml "$@"
}

tables() { # number of tables with data on the server
    ask --query "select count() from system.tables where database in ('raw', 'staging', 'marts', 'snaps', 'ops') and engine like '%MergeTree'"
}

# mount_at_boot DEVICE FOLDER: rewritten each time, since with nofail a stale entry of another volume is silently skipped.
mount_at_boot() {
    local table="${MDW_FSTAB:-/etc/fstab}"
    sed -i "\\# $2 #d" "$table"
    echo "$1 $2 xfs defaults,noatime,nofail 0 2" >>"$table"
}

secret() { # secret NAME FIELD
    aws secretsmanager get-secret-value --secret-id "$MDW_PROJECT/$MDW_ENVIRONMENT/clickhouse/$1" \
        --query SecretString --output text | python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$2"
}

# The backup location for ClickHouse: BACKUP and RESTORE append the backup's name.
# shellcheck disable=SC2034
BACKUP_ENDPOINT="${MDW_S3_ENDPOINT:-https://$MDW_BACKUP_BUCKET.s3.$AWS_DEFAULT_REGION.amazonaws.com}"

marks() { # marks [PREFIX]: finished backups as "YYYY-MM/DDTHHMMSSZ kind", oldest first; the key order is the order in time
    aws s3api list-objects-v2 --bucket "$MDW_BACKUP_BUCKET" --prefix "marks/${1:-}" --query "(Contents || \`[]\`)[].Key" \
        --output text | tr '\t' '\n' | sed -nE 's#^marks/(.+)\.(full|increment)$#\1 \2#p' | sort
}
