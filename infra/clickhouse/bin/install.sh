#!/usr/bin/env bash
# Installs the exact ClickHouse version from ClickHouse's signed package repository, the agent, and the timers.
set -Eeuo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=bin/lib.sh
source "$HERE/lib.sh"

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
    "clickhouse-common-static-$MDW_CLICKHOUSE_VERSION" amazon-cloudwatch-agent openssl python3
chown clickhouse:clickhouse /var/lib/clickhouse

install -m 0644 "$HERE"/../systemd/*.service "$HERE"/../systemd/*.timer /etc/systemd/system/
for unit in clickhouse-server clickhouse-keeper; do
    install -d "/etc/systemd/system/$unit.service.d"
    install -m 0644 "$HERE/../systemd/hardening.conf" "/etc/systemd/system/$unit.service.d/mdw.conf"
done
systemctl daemon-reload
say "installed $package $MDW_CLICKHOUSE_VERSION"
