"""An Iceberg REST catalog on loopback: the routes that a client needs, on top of PyIceberg's SQL catalog.

No server of the specification comes as a Python package. What is stored, checked and committed is PyIceberg's doing;
ours are the routes, the token, and the error bodies (https://iceberg.apache.org/rest-catalog-spec/).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.rest import CreateTableRequest, TableResponse
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from werkzeug.serving import make_server

_CODES: dict[type[Exception], int] = {
    NoSuchTableError: 404,
    NoSuchNamespaceError: 404,
    NamespaceAlreadyExistsError: 409,
    TableAlreadyExistsError: 409,
    CommitFailedException: 409,
}


@contextmanager
def rest_catalog(folder: Path, token: str, **storage: str) -> Iterator[str]:
    """Its address; it returns 401 without the token. `storage`: PyIceberg's properties of the file system."""
    catalog = SqlCatalog("rest", uri=f"sqlite:///{folder}/rest.sqlite", **storage)
    server = make_server("127.0.0.1", 0, _app(catalog, token))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _app(catalog: Catalog, token: str) -> Flask:
    app = Flask(__name__)

    @app.before_request
    def authorize() -> tuple[dict[str, object], int] | None:
        if request.headers.get("Authorization") == f"Bearer {token}":
            return None
        return _failure(401, "NotAuthorizedException", "no valid token")

    def failed(error: Exception) -> tuple[dict[str, object], int]:
        return _failure(_CODES[type(error)], type(error).__name__, str(error))

    for kind in _CODES:
        app.register_error_handler(kind, failed)

    @app.get("/v1/config")
    def config() -> dict[str, object]:
        return {"defaults": {}, "overrides": {}}

    @app.get("/v1/namespaces")
    def namespaces() -> dict[str, object]:
        return {"namespaces": catalog.list_namespaces()}

    @app.post("/v1/namespaces")
    def create_namespace() -> dict[str, object]:
        wanted = request.get_json()
        catalog.create_namespace(tuple(wanted["namespace"]), wanted.get("properties", {}))
        return {"namespace": wanted["namespace"], "properties": wanted.get("properties", {})}

    @app.get("/v1/namespaces/<namespace>/tables/<name>")
    def load(namespace: str, name: str) -> Response:
        return _table(catalog.load_table((namespace, name)))

    @app.post("/v1/namespaces/<namespace>/tables")
    def create(namespace: str) -> Response:
        wanted = CreateTableRequest.model_validate_json(request.data)
        return _table(
            catalog.create_table(
                (namespace, wanted.name),
                wanted.table_schema,
                wanted.location,
                wanted.partition_spec or UNPARTITIONED_PARTITION_SPEC,
                wanted.write_order or UNSORTED_SORT_ORDER,
                wanted.properties,
            )
        )

    @app.post("/v1/namespaces/<namespace>/tables/<name>")
    def commit(namespace: str, name: str) -> Response:
        wanted = CommitTableRequest.model_validate_json(request.data)
        done = catalog.commit_table(catalog.load_table((namespace, name)), wanted.requirements, wanted.updates)
        return Response(done.model_dump_json(by_alias=True), mimetype="application/json")

    return app


def _table(table: Table) -> Response:
    content: dict[str, Any] = {"metadata-location": table.metadata_location, "metadata": table.metadata}
    answer = TableResponse(**content)
    return Response(answer.model_dump_json(by_alias=True), mimetype="application/json")


def _failure(code: int, kind: str, message: str) -> tuple[dict[str, object], int]:
    return {"error": {"message": message, "type": kind, "code": code}}, code
