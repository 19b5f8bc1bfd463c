#!/usr/bin/env bash
# Points this node's name, and on node 1 the name that clients use, at this machine. `name.sh take` takes over the
# clients' name on any node, for the case that node 1 is lost.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

token="$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)"
address="$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/local-ipv4)"

point() {
    aws route53 change-resource-record-sets --hosted-zone-id "$MDW_ZONE_ID" --change-batch \
        "{\"Changes\": [{\"Action\": \"UPSERT\", \"ResourceRecordSet\": {\"Name\": \"$1\", \"Type\": \"A\", \"TTL\": 30, \"ResourceRecords\": [{\"Value\": \"$address\"}]}}]}" >/dev/null
    say "$1 is $address"
}

point "$(fqdn)"
if [[ "${1:-}" == take ]] || [[ "$MDW_NODE_NUMBER" == 1 && "$MDW_NODE" != clickhouse ]]; then
    point "$(fqdn clickhouse)"
fi
