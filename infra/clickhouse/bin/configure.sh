#!/usr/bin/env bash
# Installs this repository's configuration and puts the machine's values into the service's environment.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

ETC="${MDW_ETC:-/etc/clickhouse-server}"
KEEPER_ETC="${MDW_KEEPER_ETC:-/etc/clickhouse-keeper}"
umask 077

if [[ -z "${MDW_BOOTSTRAP_PASSWORD:-}" ]]; then
    password="$(openssl rand -hex 24)"
    printf 'MDW_BOOTSTRAP_PASSWORD=%s\n' "$password" >"$SECRET_ENV"
    MDW_BOOTSTRAP_PASSWORD="$password"
fi

service_env="$(dirname "$SECRET_ENV")/service.env"
{
    printf 'MDW_BOOTSTRAP_SHA256=%s\n' "$(printf %s "$MDW_BOOTSTRAP_PASSWORD" | sha256sum | cut -d' ' -f1)"
    printf 'MDW_BACKUP_ENDPOINT=https://%s.s3.%s.amazonaws.com/\n' "$MDW_BACKUP_BUCKET" "$AWS_DEFAULT_REGION"
    printf 'MDW_NODE=%s\nMDW_NODE_NUMBER=%s\nMDW_HOST_SELF=%s\n' "$MDW_NODE" "$MDW_NODE_NUMBER" "$(fqdn)"
    if [[ -n "$MDW_CLUSTER_NODES" ]]; then
        printf 'MDW_CLUSTER_SECRET=%s\n' "$(secret cluster password)"
        number=0
        for node in ${MDW_CLUSTER_NODES//,/ }; do
            number=$((number + 1))
            printf 'MDW_HOST_%s=%s\n' "$number" "$(fqdn "$node")"
        done
        [[ "$number" == 3 ]] || fail "ClusterNodes is '$MDW_CLUSTER_NODES': three names, two data nodes and one for Keeper"
    fi
} >"$service_env"

cat >"$(dirname "$SECRET_ENV")/client.xml" <<CLIENT
<clickhouse><openSSL><client><caConfig>$TLS_DIR/ca.pem</caConfig><verificationMode>strict</verificationMode></client></openSSL></clickhouse>
CLIENT

umask 022
if [[ "$MDW_NODE_ROLE" == keeper ]]; then
    install -d "$KEEPER_ETC/keeper_config.d"
    install -m 0644 "$HERE/../cluster/keeper_config.xml" "$KEEPER_ETC/keeper_config.xml"
    install -m 0644 "$HERE/../config.d/20-tls.xml" "$HERE/../cluster/70-keeper.xml" "$KEEPER_ETC/keeper_config.d/"
else
    install -d "$ETC/config.d" "$ETC/users.d"
    install -m 0644 "$HERE"/../config.d/*.xml "$ETC/config.d/"
    install -m 0644 "$HERE"/../users.d/*.xml "$ETC/users.d/"
    rm -f "$ETC/config.d/60-cluster.xml" "$ETC/config.d/70-keeper.xml"
    if [[ -n "$MDW_CLUSTER_NODES" ]]; then
        install -m 0644 "$HERE/../cluster/60-cluster.xml" "$HERE/../cluster/70-keeper.xml" "$ETC/config.d/"
    fi
fi
say "configuration in place"
