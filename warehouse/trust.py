"""Makes every ClickHouse client trust MDW_CA_FILE.

clickhouse-connect (used by us, dlt, the migrations and dbt) loads OpenSSL's default certificates, which SSL_CERT_FILE
replaces; only our own clients have a setting for it. clickhouse-driver, which dlt uses for the native protocol, takes
certifi's list unless its address names a file.
"""

import os
from pathlib import Path

import certifi

from warehouse.settings import Settings


def install(settings: Settings) -> Path | None:
    """Make this process and its children trust the public CAs and MDW_CA_FILE; returns the file with both.

    If MDW_CA_FILE is unset, changes nothing and returns None.
    """
    if settings.ca_file is None:
        return None
    bundle = settings.home / "ca-bundle.pem"
    text = f"{Path(certifi.where()).read_text()}\n{settings.ca_file.read_text()}"
    if not bundle.exists() or bundle.read_text() != text:
        settings.home.mkdir(parents=True, exist_ok=True)
        # By rename: another process on this machine may be reading it.
        fresh = bundle.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(bundle)
    os.environ["SSL_CERT_FILE"] = str(bundle)
    return bundle
