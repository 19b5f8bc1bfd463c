"""The machine's scripts, executed except for AWS and the ClickHouse client."""

import json
import os
import re
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import Warehouse
from tests.infra.clickhouse_node import SCRIPTS, Node

SYSTEMD = SCRIPTS.parent / "systemd"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = Node.make(tmp_path)
    assert made.run("configure").returncode == 0
    return made


def parses(warehouse: Warehouse, query: str) -> str:
    """The query as parsed by ClickHouse; fails if it cannot be parsed."""
    return str(warehouse.rows("select formatQuerySingleLine({text:String})", text=query)[0][0])


def test_certificate_is_trusted_by_name_through_the_environments_own_authority(node: Node) -> None:
    done = node.run("certificates")
    assert done.returncode == 0, done.stderr
    tls = node.folder / "tls"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tls / "server.crt", tls / "server.key")
    client = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    # The default of Python 3.13 and later, which AlphaForge's machines may have.
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    for name, trusted in (("clickhouse.mdw.internal", True), ("localhost", True), ("clickhouse.example.com", False)):
        assert _handshake(client, server, name) is trusted, name
    # Set in our own files, because openssl versions differ in adding them by default.
    extensions = SCRIPTS.joinpath("certificates.sh").read_text()
    assert "subjectKeyIdentifier=hash" in extensions
    assert "authorityKeyIdentifier=keyid" in extensions
    assert (tls / "server.key").stat().st_mode & 0o777 == 0o400
    assert "s3://code/clickhouse/ca.pem" in node.aws_calls()
    assert "server.key" not in node.aws_calls()


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> bool:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError:
                return False
    return here.version() in ("TLSv1.2", "TLSv1.3")


def test_second_node_and_second_run_keep_the_authority(node: Node, tmp_path: Path) -> None:
    assert node.run("certificates").returncode == 0
    first = (node.folder / "tls" / "server.crt").read_bytes()
    again = node.run("certificates")
    assert "good for more than 45 days" in again.stdout
    assert (node.folder / "tls" / "server.crt").read_bytes() == first
    authority = (node.folder / "tls" / "ca.pem").read_bytes()
    # A certificate that expires soon is replaced, signed by the same CA.
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -subj /CN=x"
    files = ["-keyout", str(tmp_path / "x.key"), "-out", str(node.folder / "tls" / "server.crt")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    assert node.run("certificates").returncode == 0
    assert (node.folder / "tls" / "server.crt").read_bytes() != first
    assert (node.folder / "tls" / "ca.pem").read_bytes() == authority


def test_users_match_secrets_manager_and_only_digests_are_sent(node: Node, module_warehouse: Warehouse) -> None:
    done = node.run("users")
    assert done.returncode == 0, done.stderr
    (sent,) = node.queries()
    statements = [part.strip() for part in sent.split(";") if part.strip()]
    for statement in statements:
        assert parses(module_warehouse, statement)
    for role in ("admin", "ingest", "transform", "auditor", "researcher"):
        assert f"create user if not exists svc_{role} identified with sha256_hash by" in sent
        assert f"alter user svc_{role} identified with sha256_hash by" in sent
    assert "grant mdw_researcher to svc_researcher" in sent
    assert "0123456789-" not in sent + done.stdout + done.stderr


def test_short_password_makes_no_user(node: Node) -> None:
    node.secret("ingest", username="svc_ingest")
    done = node.run("users")
    assert done.returncode == 1
    assert "the secret of ingest has no password of 20 characters or more" in done.stderr
    assert "svc_ingest" not in "".join(node.queries())


def test_first_backup_of_a_month_is_full_and_the_next_holds_the_changes(
    node: Node, module_warehouse: Warehouse
) -> None:
    assert node.run("backup").returncode == 0
    (full,) = node.queries()
    assert "base_backup" not in full
    name = re.search(r"amazonaws\.com/([^/]+/[^/]+)/'", full)
    assert name
    assert (node.folder / "objects").read_text().strip() == f"marks/{name[1]}.full"
    assert node.run("backup").returncode == 0
    (increment,) = node.queries()
    assert f"base_backup = S3('https://mdw-backup.s3.ap-northeast-1.amazonaws.com/{name[1]}/')" in increment
    for query in (full, increment):
        assert parses(module_warehouse, query).startswith("BACKUP ALL EXCEPT DATABASES")
    assert (node.folder / "markers").read_text().count('"kind": "full"') == 1
    assert node.run("backup", "full").returncode == 0
    assert "base_backup" not in node.queries()[0]


def test_backup_that_failed_leaves_no_mark(node: Node) -> None:
    (node.folder / "answer").write_text("exit 1\n")
    done = node.run("backup")
    assert done.returncode == 1
    assert "FAILED" in done.stderr
    assert not (node.folder / "markers").exists()
    assert not (node.folder / "state.last-backup").exists()


def test_restore_takes_finished_backups_only_and_never_overwrites(node: Node, module_warehouse: Warehouse) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    chain = f"marks/{month}/01T021000Z.full\tmarks/{month}/02T021000Z.increment"
    # For an older month the full backup has expired, and for another there never was one: these cannot be restored.
    orphans = "marks/2026-01/31T021000Z.increment\tmarks/2025-12/01T021000Z.full\tmarks/2025-12/31T021000Z.increment"
    (node.folder / "objects").write_text(f"{orphans}\t{chain}\n")
    assert node.run("restore", "list").stdout == f"{month}/01T021000Z full\n{month}/02T021000Z increment\n"
    (node.folder / "objects").write_text("None\n")
    empty = node.run("restore", "list")
    assert (empty.returncode, empty.stdout) == (0, ""), empty.stderr
    (node.folder / "objects").write_text(f"{orphans}\t{chain}\n")
    for wrong in ("yesterday", f"{month}/03T021000Z", "2025-12/31T021000Z"):
        refused = node.run("restore", "all", wrong)
        assert refused.returncode == 2
        assert wrong in refused.stderr
    (node.folder / "answer").write_text("echo 11\n")
    full = node.run("restore", "all", f"{month}/02T021000Z")
    assert full.returncode == 1
    assert "holds 11 tables already" in full.stderr
    assert not any(query.startswith("RESTORE") for query in node.queries())
    (node.folder / "answer").write_text("echo 0\n")
    done = node.run("restore", "all", f"{month}/02T021000Z")
    assert done.returncode == 0, done.stderr
    *_, restore = node.queries()
    assert f"{month}/02T021000Z" in parses(module_warehouse, restore)


@pytest.mark.parametrize(("live", "restored", "good"), [(5, 5, True), (9, 5, True), (5, 9, False), (5, 0, False)])
def test_rehearsal_compares_rows_and_clears_up(
    node: Node, live: int, restored: int, good: bool, module_warehouse: Warehouse
) -> None:
    backup = f"{datetime.now(UTC):%Y-%m}/01T021000Z"
    (node.folder / "objects").write_text(f"marks/{backup}.full\n")
    rows = f"raw.a\\t{live}\\nraw.b\\t3\\n"
    again = f"raw.a\\t{restored}\\nraw.b\\t3\\n"
    (node.folder / "answer").write_text(
        f"""case "$1" in
        *system.tables*"'raw_rehearsal'"*) printf '{again}' ;;
        *system.tables*"'raw'"*) printf '{rows}' ;;
        esac\n"""
    )
    done = node.run("restore", "rehearse", backup)
    assert (done.returncode == 0) is good, done.stdout + done.stderr
    queries = node.queries()
    for query in queries:
        assert parses(module_warehouse, query)
    assert queries.count("DROP DATABASE raw_rehearsal SYNC") == 1
    assert not any(re.search(r"DROP DATABASE (IF EXISTS )?(raw|marts) ", query) for query in queries)


def test_three_nodes_know_each_other_and_two_are_refused(tmp_path: Path) -> None:
    node = Node.make(tmp_path, MDW_NODE="clickhouse-2", MDW_CLUSTER_NODES="clickhouse-1,clickhouse-2,keeper-3")
    assert node.run("configure").returncode == 0
    values = node.service_environment()
    assert [values[f"MDW_HOST_{number}"] for number in (1, 2, 3)] == [
        "clickhouse-1.mdw.internal",
        "clickhouse-2.mdw.internal",
        "keeper-3.mdw.internal",
    ]
    assert values["MDW_HOST_SELF"] == "clickhouse-2.mdw.internal"
    text = (tmp_path / "node.env").read_text().replace(",keeper-3", "")
    (tmp_path / "node.env").write_text(text)
    refused = node.run("configure")
    assert refused.returncode == 1
    assert "three names" in refused.stderr


def test_probe_distinguishes_nodes_and_checks_keeper_with_ruok(tmp_path: Path) -> None:
    for role, answer in (("data", "echo 1"), ("keeper", "")):
        folder = tmp_path / role
        folder.mkdir()
        node = Node.make(folder, MDW_NODE=f"node-{role}", MDW_NODE_ROLE=role)
        assert node.run("configure").returncode == 0
        (folder / "answer").write_text(answer)
        (folder / "programs" / "openssl").write_text(
            "#!/bin/bash\nread -r -N 4 word; [[ $word != ruok ]] || printf imok\n"
        )
        (folder / "programs" / "openssl").chmod(0o755)
        done = node.run("probe")
        assert done.returncode == 0, done.stderr
        assert (
            f"--metric-name Up --value 1 --unit None --dimensions Environment=dev,Node=node-{role}" in node.aws_calls()
        )


def test_a_volume_that_was_enlarged_is_filled_while_it_is_mounted(node: Node) -> None:
    for name, text in (
        ("mountpoint", "exit 0"),
        ("xfs_growfs", f'echo "$1" >{node.folder}/grown'),
        ("df", "echo 300G"),
    ):
        program = node.folder / "programs" / name
        program.write_text(f"#!/bin/bash\n{text}\n")
        program.chmod(0o755)
    done = node.run("volume")
    assert done.returncode == 0, done.stderr
    assert (node.folder / "grown").read_text() == "/var/lib/clickhouse\n"


def test_the_volume_that_is_mounted_at_boot_is_the_one_of_now(node: Node) -> None:
    """With nofail, `mount` ignores a missing device and succeeds."""
    table = node.folder / "fstab"
    table.write_text("LABEL=/ / xfs defaults 1 1\n/dev/of-before /var/lib/clickhouse xfs defaults,nofail 0 2\n")
    command = 'source "$1/lib.sh"; mount_at_boot /dev/of-now /var/lib/clickhouse'
    for _ in range(2):
        subprocess.run(
            ["bash", "-c", command, "volume.sh", str(SCRIPTS)],
            env={**node.environment, "MDW_FSTAB": str(table)},
            check=True,
        )
    assert table.read_text().splitlines() == [
        "LABEL=/ / xfs defaults 1 1",
        "/dev/of-now /var/lib/clickhouse xfs defaults,noatime,nofail 0 2",
    ]


def test_every_unit_runs_a_script_of_the_bundle_into_a_folder_that_exists() -> None:
    """systemd opens the log of a unit before it creates LogsDirectory=: 209/STDOUT, and the script never runs."""
    made = (SYSTEMD / "mdw.tmpfiles.conf").read_text()
    folders = {line.split()[1] for line in made.splitlines() if line.startswith("d ")}
    install = (SCRIPTS / "install.sh").read_text()
    assert install.index("systemd-tmpfiles --create") < install.index("systemctl daemon-reload")
    units = sorted(SYSTEMD.glob("*.service"))
    assert len(units) == 4
    shipped = {
        entry["file_path"]
        for entry in json.loads((SYSTEMD.parent / "cloudwatch-agent.json").read_text())["logs"]["logs_collected"][
            "files"
        ]["collect_list"]
    }
    for unit in units:
        text = unit.read_text()
        assert "LogsDirectory" not in text, unit
        (script,) = re.findall(r"^ExecStart=/bin/bash /opt/mdw/clickhouse/bin/(\S+)$", text, re.MULTILINE)
        assert (SCRIPTS / script).exists()
        for log in re.findall(r"^Standard(?:Output|Error)=append:(\S+)$", text, re.MULTILINE):
            assert str(Path(log).parent) in folders, unit
            # One file per stream: if a pattern matches several, the agent ships only the newest.
            assert log in shipped, unit
    assert not [path for path in shipped if "*" in path]


def test_units_are_what_systemd_itself_accepts(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here: it is part of systemd")
    # As on the machine: the command of each unit exists.
    for path in SYSTEMD.glob("mdw-*"):
        text = path.read_text().replace("/opt/mdw/clickhouse/bin", str(SCRIPTS))
        (tmp_path / path.name).write_text(text)
    (tmp_path / "clickhouse-server.service").write_text("[Service]\nExecStart=/bin/true\n")
    units = sorted(str(path) for path in tmp_path.glob("mdw-*"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        timeout=120,
    )
    said = [line for line in done.stderr.splitlines() if "mdw-" in line]
    assert not said, done.stderr
    for timer in sorted(tmp_path.glob("*.timer")):
        for when in re.findall(r"^OnCalendar=(.+)$", timer.read_text(), re.MULTILINE):
            assert subprocess.run(["systemd-analyze", "calendar", when], capture_output=True).returncode == 0, timer
