#!/usr/bin/env bash
# Boots a new machine up to a responding ClickHouse. Every step can be repeated.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

# The log agent first, so that later failures are in CloudWatch even if the machine is gone.
for step in logs volume name install certificates configure start; do
    say "step $step"
    bash "$HERE/$step.sh"
done
say "ClickHouse $MDW_CLICKHOUSE_VERSION serves as $(fqdn)"
