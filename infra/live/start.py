"""Entry point of the live reader's container: gets ClickHouse's certificate authority, then becomes the command.

MDW_CA_URI is its address, s3://BUCKET/KEY; empty where ClickHouse has a public certificate. The file goes into
MDW_HOME, and MDW_CA_FILE names it for every client. Exit code 1 and one line if it cannot be fetched: ECS then starts a
new task.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    """Fetch what MDW_CA_URI names, and replace this process by the command in the arguments."""
    if uri := os.environ.get("MDW_CA_URI"):
        os.environ["MDW_CA_FILE"] = str(_fetch(uri, Path(os.environ["MDW_HOME"]) / "clickhouse-ca.pem"))
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the container's own command


def _fetch(uri: str, to: Path) -> Path:
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    where = urlsplit(uri)
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        boto3.client("s3").download_file(where.netloc, where.path.lstrip("/"), str(to))
    except (Boto3Error, BotoCoreError, ClientError) as error:
        sys.exit(f"live reader: {uri} could not be fetched: {error}. Was the ClickHouse node deployed?")
    return to


if __name__ == "__main__":
    main()
