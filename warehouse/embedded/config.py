"""The embedded server's configuration files, in the format of clickhouse-local."""

import hashlib
from pathlib import Path
from xml.sax.saxutils import escape

from warehouse import access
from warehouse.embedded.state import State

# The program's own session logs in as `default` without a password, so that user may do nothing but listen.
_DEFAULT = "<grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>"

# clickhouse-local takes its log level from `log-level`, and the default level trace costs each read 0.2 ms. The two
# pools log dozens of warnings a second about pauses that are normal.
_CONFIG = """<clickhouse>
    <log-level>warning</log-level>
    <logger>
        <log>{folder}/server.log</log>
        <errorlog>{folder}/server.err.log</errorlog>
        <size>20M</size>
        <count>3</count>
        <levels>
            <logger><name>BackgroundSchedulePool/BgSchPool</name><level>error</level></logger>
            <logger><name>BackgroundSchedulePool/BgStrmSchPool</name><level>error</level></logger>
        </levels>
    </logger>
    <listen_host>127.0.0.1</listen_host>
    <http_port>{http_port}</http_port>
    <tcp_port>{tcp_port}</tcp_port>
    <users_config>users.xml</users_config>
    <max_server_memory_usage_to_ram_ratio>0.6</max_server_memory_usage_to_ram_ratio>
    <mark_cache_size>536870912</mark_cache_size>
    <keep_alive_timeout>30</keep_alive_timeout>
    <query_log>
        <database>system</database>
        <table>query_log</table>
        <ttl>event_date + interval 14 day delete</ttl>
    </query_log>
</clickhouse>
"""

_USERS = """<clickhouse>
    <profiles>
        <default/>
        <writer>
            <max_partitions_per_insert_block>0</max_partitions_per_insert_block>
        </writer>
        <reader>
            <readonly>2</readonly>
            {limits}
            <constraints>{constraints}</constraints>
        </reader>
        <auditor><readonly>2</readonly></auditor>
    </profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password></password>
            <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            {default}
        </default>
        {users}
    </users>
</clickhouse>
"""

_USER = """<{name}>
            <password_sha256_hex>{digest}</password_sha256_hex>
            <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
            <profile>{profile}</profile>
            <quota>default</quota>
            {grants}
        </{name}>"""

_PROFILES = {
    "admin": "writer",
    "ingest": "writer",
    "transform": "writer",
    "researcher": "reader",
    "auditor": "auditor",
}


def write_config(folder: Path, state: State) -> None:
    """Write config.xml and users.xml; passwords are stored as digests only."""
    config = _CONFIG.format(folder=escape(str(folder)), http_port=state.http_port, tcp_port=state.tcp_port)
    (folder / "config.xml").write_text(config)
    (folder / "users.xml").write_text(users_config(state))


def users_config(state: State) -> str:
    """users.xml with the users, limits and grants of this code."""
    limits = "\n            ".join(f"<{k}>{v}</{k}>" for k, v in access.RESEARCHER_LIMITS.items())
    constraints = "".join(f"<{name}><readonly/></{name}>" for name in access.RESEARCHER_LIMITS)
    users = "\n        ".join(_user(name, password) for name, password in state.passwords.items())
    return _USERS.format(limits=limits, constraints=constraints, default=_DEFAULT, users=users)


def _user(name: str, password: str) -> str:
    digest = hashlib.sha256(password.encode()).hexdigest()
    return _USER.format(name=name, digest=digest, profile=_PROFILES[name], grants=_grants(name))


def _grants(name: str) -> str:
    if name == "admin":
        return "<access_management>1</access_management>"
    queries = "".join(f"<query>{escape(grant)}</query>" for grant in access.grants(name))
    return f"<grants>{queries}</grants>"
