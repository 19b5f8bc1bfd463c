#!/usr/bin/env bash
# Runs tests/cluster on the cluster of MDW_TEST_CLUSTER_A and _B. If they are unset and ../shared/cluster_kit is present,
# its two nodes are started for this run. Arguments go to pytest; without any, soak tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-.venv/bin/python}
kit=${MDW_CLUSTER_KIT:-../shared/cluster_kit}/cluster.py

if [ -z "${MDW_TEST_CLUSTER_A:-}" ] && [ -f "$kit" ]; then
    folder=$(mktemp -d)
    stop() { "$PYTHON" "$kit" down "$folder" >/dev/null 2>&1 || true; }
    trap 'stop; rm -rf "$folder"' EXIT
    port() { echo $((20000 + RANDOM % 240 * 50)); } # below the ports that the kernel gives to connections
    # 75: nothing was tested, which .ci/run distinguishes from a failed test.
    not_started() {
        echo "the kit's nodes could not be started: the cluster variant is not tested" >&2
        exit 75
    }
    command -v java >/dev/null || not_started
    start() { "$PYTHON" "$kit" up "$folder" --port "$(port)"; }
    # A port may be taken: others are tried once.
    started=$(start) || { stop && rm -rf "${folder:?}"/* && started=$(start); } || not_started
    for name in MDW_CLUSTER MDW_TEST_CLUSTER_A MDW_TEST_CLUSTER_B; do
        export "$name=$("$PYTHON" -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$started" "$name")"
    done
    control="$folder/control"
    cat >"$control" <<END
#!/bin/sh
case \$1 in
pause) exec kill -STOP "\$(cat "$folder/\$2/pid")" ;;
wipe) exec rm -rf "$folder/\$2/data" ;;
resume) exec kill -CONT "\$(cat "$folder/\$2/pid")" ;;
session) exec "$(realpath --no-symlinks "$PYTHON")" "$folder/session.py" "$folder/\$2" ;;
*) exec "$(realpath --no-symlinks "$PYTHON")" "$(realpath "$kit")" "\$1" "$folder" "\$2" ;;
esac
END
    chmod +x "$control"
    # The kit has no users by SQL, and a node reads its file when it starts.
    "$PYTHON" -m tests.cluster.users "$MDW_TEST_CLUSTER_A" "$folder/a/users.xml" "$folder/b/users.xml"
    for node in a b; do
        "$control" stop $node && "$control" start $node || not_started
    done
    export MDW_TEST_CLUSTER_ROLES=1
    export MDW_TEST_CLUSTER_CONTROL=$control
    # Only a session of the engine has the threads of BACKUP: it serves the data of a stopped node, as its replica.
    cat >"$folder/session-users.xml" <<END
<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>
<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></clickhouse>
END
    cat >"$folder/session.py" <<END
import pathlib, re, sys
sys.path[:0] = ["$(realpath "$(dirname "$kit")")", "$PWD"]
import interserver
from chdb import _chdb
from tests.infra.clickhouse_session import main

node = pathlib.Path(sys.argv[1])
config = (node / "config.xml").read_text()
(node / "session.xml").write_text(config.replace(">users.xml<", ">$folder/session-users.xml<"))
port = re.search("<interserver_http_port>([0-9]+)<", config)[1]
interserver.Engine(_chdb.__file__).before("127.0.0.1", int(port))
main(str(node / "data"), str(node / "session.xml"))
END
    export MDW_TEST_CLUSTER_SESSIONS=1
fi
[ $# -gt 0 ] || set -- -m "not soak"
"$PYTHON" -m pytest tests/cluster -q "$@"
