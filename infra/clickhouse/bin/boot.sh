#!/usr/bin/env bash
# Brings a machine from its first second to a ClickHouse that answers. Every step may run again.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

# The log agent first: what fails after it is in CloudWatch when the machine is gone.
for step in logs volume name install certificates configure start; do
    say "step $step"
    bash "$HERE/$step.sh"
done
say "ClickHouse $MDW_CLICKHOUSE_VERSION serves as $(fqdn)"
