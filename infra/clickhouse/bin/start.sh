#!/usr/bin/env bash
# Starts the service, waits until it responds over TLS, creates the users, starts the timers, takes a first backup.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

systemctl enable --now mdw-certificates.timer
if [[ "$MDW_NODE_ROLE" == keeper ]]; then
    systemctl enable clickhouse-keeper
    systemctl restart clickhouse-keeper
    systemctl enable --now mdw-probe.timer
    exit 0
fi

systemctl enable clickhouse-server
systemctl restart clickhouse-server
for _ in $(seq 120); do
    if ask --query "select 1" >/dev/null 2>&1; then
        bash "$HERE/users.sh"
        systemctl enable --now mdw-users.timer mdw-probe.timer
        # One backup of a cluster is enough: both nodes have the same rows.
        if [[ "$MDW_NODE_NUMBER" == 1 ]]; then
            systemctl enable --now mdw-backup.timer
            # Otherwise the alarm on missing backups would be raised until the first night.
            [[ -r "$LAST_BACKUP" ]] || systemctl start --no-block mdw-backup.service
        fi
        exit 0
    fi
    sleep 2
done
fail "no answer on 9440 within 4 minutes: see /var/log/clickhouse-server/clickhouse-server.err.log"
