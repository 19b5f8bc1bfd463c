#!/usr/bin/env bash
# Installs the exact ClickHouse version from ClickHouse's signed package repository, and the timers.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

# Outside the range from which packages take uids: the volume outlives the machine, and the next AMI may differ.
OWNER_ID=6101
getent group clickhouse >/dev/null || groupadd --gid "$OWNER_ID" clickhouse
getent passwd clickhouse >/dev/null \
    || useradd --uid "$OWNER_ID" --gid "$OWNER_ID" --no-create-home --home-dir /nonexistent --shell /sbin/nologin clickhouse
[[ "$(id -u clickhouse)" == "$OWNER_ID" ]] \
    || fail "user clickhouse has uid $(id -u clickhouse), not $OWNER_ID: the image already holds a ClickHouse package"

cat >/etc/yum.repos.d/clickhouse.repo <<'REPO'
[clickhouse]
name=ClickHouse, stable and LTS
baseurl=https://packages.clickhouse.com/rpm/stable/
gpgkey=https://packages.clickhouse.com/rpm/stable/repodata/repomd.xml.key
gpgcheck=0
repo_gpgcheck=1
enabled=1
sslverify=1
REPO

package="clickhouse-server"
[[ "$MDW_NODE_ROLE" == data ]] || package="clickhouse-keeper"
dnf install -y -q "$package-$MDW_CLICKHOUSE_VERSION" "clickhouse-client-$MDW_CLICKHOUSE_VERSION" \
    "clickhouse-common-static-$MDW_CLICKHOUSE_VERSION" openssl python3 xfsprogs \
    || fail "the packages of ClickHouse $MDW_CLICKHOUSE_VERSION could not be installed: is the version in the repository?"
# Files on a volume of an earlier machine may have the uid that its package had chosen.
if [[ "$(stat -c %u /var/lib/clickhouse)" != "$OWNER_ID" ]]; then
    chown -R clickhouse:clickhouse /var/lib/clickhouse
fi

install -m 0644 "$HERE"/../systemd/*.service "$HERE"/../systemd/*.timer /etc/systemd/system/
install -m 0644 "$HERE/../systemd/mdw.tmpfiles.conf" /etc/tmpfiles.d/mdw.conf
install -m 0644 "$HERE/../systemd/mdw.logrotate" /etc/logrotate.d/mdw
systemd-tmpfiles --create /etc/tmpfiles.d/mdw.conf
for unit in clickhouse-server clickhouse-keeper; do
    install -d "/etc/systemd/system/$unit.service.d"
    install -m 0644 "$HERE/../systemd/hardening.conf" "/etc/systemd/system/$unit.service.d/mdw.conf"
done
systemctl daemon-reload
say "installed $package $MDW_CLICKHOUSE_VERSION"
