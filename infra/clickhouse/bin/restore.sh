#!/usr/bin/env bash
# Restores from S3. Usage:
#   restore.sh list                 backups that finished and can be restored, newest last
#   restore.sh all NAME             everything, into a server without tables in these databases
#   restore.sh rehearse NAME        marts and raw next to the live ones (…_rehearsal), row counts compared, then dropped
set -Eeuo pipefail
# shellcheck source=bin/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What can be restored: a full backup that has not begun to expire, and the later increments of its month. A full backup
# expires by its own age, and an increment without its base is useless.
list() {
    local oldest name kind month="" day
    oldest="$(date -u -d "-$((MDW_BACKUP_EXPIRY_DAYS - 1)) days" +%Y-%m-%d)"
    while read -r name kind; do
        day="${name%%T*}"
        [[ "$kind" != full || "${day/\//-}" < "$oldest" ]] || month="${name%%/*}"
        [[ "${name%%/*}" != "$month" ]] || printf '%s %s\n' "$name" "$kind"
    done < <(marks)
}

check_name() {
    [[ "$1" =~ ^[0-9]{4}-[0-9]{2}/[0-9]{2}T[0-9]{6}Z$ ]] \
        || { say "'$1' is not a backup name; these look like 2026-11/22T020000Z. See: restore.sh list" >&2; exit 2; }
    grep -q "^$1 " <(list) || { say "no backup '$1' that can be restored in $MDW_BACKUP_BUCKET. See: restore.sh list" >&2; exit 2; }
}

# The table of the migrations has a fixed path in Keeper. Where Keeper outlived the data nodes, it still has their replicas
# there, and the table could not be created.
forget_lost_replicas() {
    local path=/clickhouse/tables/ops/schema_migrations node said
    [[ -n "$MDW_CLUSTER_NODES" ]] || return 0
    for node in $(cut -d, -f1,2 <<<"$MDW_CLUSTER_NODES" | tr , ' '); do
        said="$(ask --query "SYSTEM DROP REPLICA '$node' FROM ZKPATH '$path'" 2>&1)" && continue
        [[ "$said" == *"does not look like a table path"* ]] \
            || fail "Keeper does not give up node $node: ${said%%$'\n'*}. Nothing was restored. If $node was lost less than a minute ago, run this again; if it is at work, it has the tables, and no backup is needed: mdw cluster add-node (runbooks/cluster.md)"
    done
}

rows_by_table() { # rows_by_table DATABASE SUFFIX
    ask --query "select concat(replaceOne(database, '$2', ''), '.', name), total_rows from system.tables
        where database = '$1$2' and engine like '%MergeTree' and name not like '.%' order by name format TSV"
}

case "${1:-}" in
list) list ;;
all)
    check_name "${2:-}"
    held="$(tables)"
    [[ "$held" == 0 ]] || fail "this server holds $held tables already, and nothing is overwritten: restore into an empty one, or drop its databases first"
    forget_lost_replicas
    ask --query "RESTORE ALL EXCEPT DATABASES system, information_schema, INFORMATION_SCHEMA FROM S3('$BACKUP_ENDPOINT/$2/')" >/dev/null
    say "restored $2; now, on the operator machine: mdw-as admin migrate, mdw snapshot verify ID"
    ;;
rehearse)
    check_name "${2:-}"
    different=0
    for database in raw marts; do
        ask --query "DROP DATABASE IF EXISTS ${database}_rehearsal SYNC"
        ask --query "RESTORE DATABASE $database AS ${database}_rehearsal FROM S3('$BACKUP_ENDPOINT/$2/')" >/dev/null
        # raw is append-only, so a restored table never has more rows than the live one; marts may shrink by merges.
        while read -r table live restored; do
            say "$table: live $live rows, restored $restored"
            if { [[ "$database" == raw ]] && ((restored > live)); } || { ((live > 0)) && ((restored == 0)); }; then
                say "DIFFERS $table: live $live, restored $restored"
                different=1
            fi
        done < <(join -a 1 -e 0 -o 0,1.2,2.2 <(rows_by_table "$database" "" | tr '\t' ' ' | sort) \
            <(rows_by_table "$database" _rehearsal | tr '\t' ' ' | sort))
        ask --query "DROP DATABASE ${database}_rehearsal SYNC"
    done
    ((different == 0)) || fail "the rehearsal of $2 differs from the live server, see above"
    say "rehearsed $2: every table came back"
    ;;
*) sed -n '2,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
