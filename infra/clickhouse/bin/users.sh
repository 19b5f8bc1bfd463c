#!/usr/bin/env bash
# Syncs the service users with Secrets Manager: missing users are created, changed passwords are updated. Their rights
# come from roles, to which `mdw migrate` grants warehouse/access/*.sql. Only digests reach ClickHouse.
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

statements() {
    local role password digest
    for role in admin ingest transform auditor researcher; do
        password="$(secret "$role" password)"
        ((${#password} >= 20)) || fail "the secret of $role has no password of 20 characters or more"
        digest="$(printf %s "$password" | sha256sum | cut -d' ' -f1)"
        printf "create user if not exists svc_%s identified with sha256_hash by '%s';\n" "$role" "$digest"
        printf "alter user svc_%s identified with sha256_hash by '%s';\n" "$role" "$digest"
    done
    for role in ingest transform auditor researcher; do
        printf 'create role if not exists mdw_%s;\ngrant mdw_%s to svc_%s;\n' "$role" "$role" "$role"
    done
    printf "alter user svc_admin settings profile 'writer';\ngrant all on *.* to svc_admin with grant option;\n"
    printf "alter user svc_ingest settings profile 'writer';\nalter user svc_transform settings profile 'writer';\n"
    printf "alter user svc_auditor settings profile 'auditor';\n"
}

# By standard input, because arguments are visible in ps. Settings keep the digests out of the query_log.
statements | ask --multiquery --log_queries 0
say "users match Secrets Manager"
