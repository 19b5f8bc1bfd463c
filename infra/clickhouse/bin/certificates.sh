#!/usr/bin/env bash
# The server's certificate, signed by the environment's own CA, which the first node creates. Renewed by a systemd timer
# when fewer than 45 days are left. The CA's key is kept in Secrets Manager, and here only in memory.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

authority() { # authority FIELD
    secret authority "$1"
}

make_authority() {
    say "no authority yet: making one"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256 \
        -subj "/CN=$MDW_PROJECT $MDW_ENVIRONMENT ClickHouse authority" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -addext subjectKeyIdentifier=hash \
        -keyout "$work/ca.key" -out "$work/ca.pem" 2>/dev/null
    python3 -c 'import json, sys; k, c = (open(p).read() for p in sys.argv[1:]); print(json.dumps({"state": "made", "key": k, "certificate": c}))' \
        "$work/ca.key" "$work/ca.pem" >"$work/authority.json"
    aws secretsmanager put-secret-value --secret-id "$MDW_PROJECT/$MDW_ENVIRONMENT/clickhouse/authority" \
        --secret-string "file://$work/authority.json" >/dev/null
}

if [[ -s "$TLS_DIR/server.crt" ]] && openssl x509 -in "$TLS_DIR/server.crt" -noout -checkend $((45 * 86400)) >/dev/null; then
    say "certificate is good for more than 45 days"
    exit 0
fi

umask 077
work="$(mktemp -d /dev/shm/mdw-tls.XXXXXX)"
trap 'rm -rf "$work"' EXIT
[[ "$(authority state)" == made ]] || make_authority
# Read back: if two nodes created one at the same time, both use the one that was stored.
authority key >"$work/ca.key"
authority certificate >"$work/ca.pem"

# Both key identifiers: Python 3.13 and later refuse a certificate without them (VERIFY_X509_STRICT is its default).
cat >"$work/extensions" <<EXTENSIONS
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=DNS:$(fqdn),DNS:$(fqdn clickhouse),DNS:localhost,IP:127.0.0.1
EXTENSIONS
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$(fqdn)" \
    -keyout "$work/server.key" -out "$work/server.csr" 2>/dev/null
openssl x509 -req -in "$work/server.csr" -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial -days 397 -sha256 \
    -extfile "$work/extensions" -out "$work/server.crt" 2>/dev/null

install -d -m 0755 "$TLS_DIR"
install -m 0644 "$work/ca.pem" "$work/server.crt" "$TLS_DIR/"
install -m 0400 "$work/server.key" "$TLS_DIR/"
if id clickhouse >/dev/null 2>&1; then chown clickhouse:clickhouse "$TLS_DIR"/server.*; fi
aws s3 cp --only-show-errors "$TLS_DIR/ca.pem" "s3://$MDW_CODE_BUCKET/clickhouse/ca.pem"
say "certificate for $(fqdn) until $(openssl x509 -in "$TLS_DIR/server.crt" -noout -enddate | cut -d= -f2)"
