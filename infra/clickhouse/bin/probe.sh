#!/usr/bin/env bash
# Once a minute: does ClickHouse answer over TLS, and how old is the newest finished backup.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

put() { # put METRIC VALUE UNIT
    aws cloudwatch put-metric-data --namespace Mdw/ClickHouse --metric-name "$1" --value "$2" --unit "$3" \
        --dimensions "Environment=$MDW_ENVIRONMENT"
}

up=0
[[ "$(ask --query 'select 1' 2>/dev/null || true)" != 1 ]] || up=1
put Up "$up" None
state="${MDW_STATE:-/var/lib/clickhouse/mdw}.last-backup"
if [[ -r "$state" ]]; then
    put SecondsSinceBackup "$(($(date -u +%s) - $(<"$state")))" Seconds
fi
