"""A ClickHouse machine without AWS: the real scripts, with programs of our own in the place of `aws` and
`clickhouse-client`, which write down what they were asked."""

import json
import os
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from warehouse.project import PROJECT

SCRIPTS = PROJECT / "infra" / "clickhouse" / "bin"

_AWS = r"""#!/bin/bash
echo "$*" >>"$STUB/aws.calls"
case "$1 $2" in
"secretsmanager get-secret-value") cat "$STUB/secrets/$(basename "$4").json" ;;
"secretsmanager put-secret-value")
    for a in "$@"; do case "$a" in file://*) cp "${a#file://}" "$STUB/secrets/authority.json" ;; esac; done ;;
"s3api list-objects-v2") cat "$STUB/objects" ;;
"s3 cp") if [[ "$4" == - ]]; then cat >>"$STUB/markers"; printf '%s\t' "${5#s3://*/}" >>"$STUB/objects"; fi ;;
esac
"""
_CLIENT = r"""#!/bin/bash
query=""
while (($#)); do [[ "$1" != --query ]] || query="$2"; shift; done
[[ -n "$query" ]] || query="$(cat)"
# Two queries may run at once (restore.sh rehearse).
flock "$STUB/queries.lock" bash -c 'printf "%s\0" "$1" >>"$STUB/queries"' _ "$query"
if [[ -e "$STUB/answer" ]]; then bash "$STUB/answer" "$query"; fi
"""


@dataclass
class Node:
    """One machine's files below a folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, **settings: str) -> "Node":
        node = cls(folder)
        for name, text in (("aws", _AWS), ("clickhouse-client", _CLIENT)):
            program = folder / "programs" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        (folder / "secrets").mkdir()
        (folder / "objects").write_text("")
        (folder / "etc").mkdir()
        node.secret("authority", state="empty")
        for role in ("admin", "ingest", "transform", "auditor", "researcher", "cluster"):
            node.secret(role, username=f"svc_{role}", password=f"{role}-0123456789-0123456789-0123456789")
        values = {
            "AWS_DEFAULT_REGION": "ap-northeast-1",
            "MDW_PROJECT": "mdw",
            "MDW_ENVIRONMENT": "dev",
            "MDW_NODE": "clickhouse",
            "MDW_NODE_NUMBER": "1",
            "MDW_NODE_ROLE": "data",
            "MDW_CLUSTER_NODES": "",
            "MDW_ZONE": "mdw.internal",
            "MDW_CODE_BUCKET": "code",
            "MDW_BACKUP_BUCKET": "mdw-backup",
            "MDW_BACKUP_EXPIRY_DAYS": "66",
            "MDW_VOLUME": "vol-0123456789abcdef0",
            "MDW_CLICKHOUSE_VERSION": "26.9",
        } | settings
        (folder / "node.env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        node.environment = {
            "PATH": f"{folder / 'programs'}:{os.environ['PATH']}",
            "STUB": str(folder),
            "MDW_NODE_ENV": str(folder / "node.env"),
            "MDW_SECRET_ENV": str(folder / "etc" / "secret.env"),
            "MDW_TLS_DIR": str(folder / "tls"),
            "MDW_ETC": str(folder / "etc" / "clickhouse-server"),
            "MDW_KEEPER_ETC": str(folder / "etc" / "clickhouse-keeper"),
            "MDW_STATE": str(folder / "state"),
        }
        return node

    def secret(self, name: str, **content: str) -> None:
        (self.folder / "secrets" / f"{name}.json").write_text(json.dumps(content))

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(SCRIPTS / f"{script}.sh"), *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=300,
        )

    def queries(self) -> list[str]:
        """Queries sent to ClickHouse since the last call."""
        path = self.folder / "queries"
        found = path.read_text().split("\0")[:-1] if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def aws_calls(self) -> str:
        path = self.folder / "aws.calls"
        return path.read_text() if path.exists() else ""

    def service_environment(self) -> dict[str, str]:
        lines = (self.folder / "etc" / "service.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)
