#!/usr/bin/env bash
# Starts the CloudWatch agent: logs, disk and memory of this machine.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

AGENT="${MDW_AGENT:-/opt/aws/amazon-cloudwatch-agent}"
sed -e "s#@LOG_GROUP@#$MDW_LOG_GROUP#g" -e "s#@NODE@#$MDW_NODE#g" -e "s#@ENVIRONMENT@#$MDW_ENVIRONMENT#g" \
    "$HERE/../cloudwatch-agent.json" >"$AGENT/etc/mdw.json"
"$AGENT/bin/amazon-cloudwatch-agent-ctl" -a fetch-config -m ec2 -s -c "file:$AGENT/etc/mdw.json" >/dev/null
say "logs go to $MDW_LOG_GROUP, streams $MDW_NODE/…"
