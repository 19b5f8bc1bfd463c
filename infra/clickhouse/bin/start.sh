#!/usr/bin/env bash
# Starts the service, waits until it answers over TLS, makes the users, starts the timers and the agent.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

sed -e "s#@LOG_GROUP@#$MDW_LOG_GROUP#g" -e "s#@NODE@#$MDW_NODE#g" -e "s#@ENVIRONMENT@#$MDW_ENVIRONMENT#g" \
    "$HERE/../cloudwatch-agent.json" >/opt/aws/amazon-cloudwatch-agent/etc/mdw.json
/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s \
    -c file:/opt/aws/amazon-cloudwatch-agent/etc/mdw.json >/dev/null

systemctl enable --now mdw-certificates.timer
if [[ "$MDW_NODE_ROLE" == keeper ]]; then
    systemctl enable clickhouse-keeper
    systemctl restart clickhouse-keeper
    exit 0
fi

systemctl enable clickhouse-server
systemctl restart clickhouse-server
for _ in $(seq 120); do
    if ask --query "select 1" >/dev/null 2>&1; then
        bash "$HERE/users.sh"
        systemctl enable --now mdw-users.timer mdw-probe.timer
        # One backup of a cluster is enough: both nodes hold the same rows.
        [[ "$MDW_NODE_NUMBER" != 1 ]] || systemctl enable --now mdw-backup.timer
        exit 0
    fi
    sleep 2
done
fail "no answer on 9440 within 4 minutes: see /var/log/clickhouse-server/clickhouse-server.err.log"
