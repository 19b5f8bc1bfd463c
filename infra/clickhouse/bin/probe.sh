#!/usr/bin/env bash
# Once a minute: whether this node responds over TLS, and the age of the newest finished backup. Each value has the
# node's own dimension, so that a healthy node does not mask a dead one.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

put() { # put METRIC VALUE UNIT DIMENSIONS
    aws cloudwatch put-metric-data --namespace Mdw/ClickHouse --metric-name "$1" --value "$2" --unit "$3" --dimensions "$4"
}

up=0
if [[ "$MDW_NODE_ROLE" == keeper ]]; then
    # The four-letter word that Keeper allows by default.
    answer="$(printf ruok | timeout 10 openssl s_client -quiet -connect "localhost:9281" -CAfile "$TLS_DIR/ca.pem" 2>/dev/null || true)"
    [[ "$answer" != imok ]] || up=1
else
    [[ "$(ask --query 'select 1' 2>/dev/null || true)" != 1 ]] || up=1
fi
put Up "$up" None "Environment=$MDW_ENVIRONMENT,Node=$MDW_NODE"
if [[ -r "$LAST_BACKUP" ]]; then
    put SecondsSinceBackup "$(($(date -u +%s) - $(<"$LAST_BACKUP")))" Seconds "Environment=$MDW_ENVIRONMENT"
fi
