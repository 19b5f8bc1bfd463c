"""A yum repository on loopback that lists the given packages, like ClickHouse's."""

import gzip

from pytest_httpserver import HTTPServer

NAMES = ("clickhouse-server", "clickhouse-keeper", "clickhouse-client", "clickhouse-common-static")


class PackageIndex:
    """Serves until closed; `versions` are in the index for every package and both architectures."""

    def __init__(self, *versions: str) -> None:
        self._server = HTTPServer()
        self._server.start()
        self.url = self._server.url_for("/rpm/stable/")
        self.holds(*versions)

    def holds(self, *versions: str) -> None:
        packages = "".join(
            f'<package type="rpm"><name>{name}</name><arch>{arch}</arch>'
            f'<version epoch="0" ver="{one}" rel="1"/></package>'
            for one in versions
            for name in NAMES
            for arch in ("x86_64", "aarch64")
        )
        primary = f'<metadata xmlns="http://linux.duke.edu/metadata/common">{packages}</metadata>'
        index = (
            '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
            '<location href="repodata/1-primary.xml.gz"/></data></repomd>'
        )
        self._server.clear()
        self._server.expect_request("/rpm/stable/repodata/repomd.xml").respond_with_data(index)
        listing = self._server.expect_request("/rpm/stable/repodata/1-primary.xml.gz")
        listing.respond_with_data(gzip.compress(primary.encode()))

    def close(self) -> None:
        self._server.stop()
