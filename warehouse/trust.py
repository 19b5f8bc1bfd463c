"""MDW_CA_FILE for every client of the warehouse.

clickhouse-connect (ours, dlt's, the migrations' and dbt's) loads OpenSSL's default certificates, which SSL_CERT_FILE
replaces; only ours has a setting for it. clickhouse-driver, dlt's native one, takes certifi's list unless its address
names a file.
"""

import os
from pathlib import Path

import certifi

from warehouse.settings import Settings


def install(settings: Settings) -> Path | None:
    """Let this process and its children trust the public authorities and MDW_CA_FILE; returns the file with both.

    None, and nothing is changed, where MDW_CA_FILE is unset.
    """
    if settings.ca_file is None:
        return None
    bundle = settings.home / "ca-bundle.pem"
    text = f"{Path(certifi.where()).read_text()}\n{settings.ca_file.read_text()}"
    if not bundle.exists() or bundle.read_text() != text:
        settings.home.mkdir(parents=True, exist_ok=True)
        # By a rename: another task of this machine may be reading it.
        fresh = bundle.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(bundle)
    os.environ["SSL_CERT_FILE"] = str(bundle)
    return bundle
