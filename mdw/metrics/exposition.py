"""The metrics in Prometheus' text format."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from mdw.metrics.sample import FAMILIES, Sample


class _Samples(Collector):
    def __init__(self, read: Callable[[], Iterable[Sample]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read all samples again, family by family."""
        found = list(self._read())
        for name, (kind, meaning) in FAMILIES.items():
            family = Metric(name.removesuffix("_total"), meaning, kind)
            for sample in found:
                if sample.name == name:
                    family.add_sample(name, dict(sample.labels), sample.value)
            if family.samples:
                yield family


def registry(read: Callable[[], Iterable[Sample]]) -> CollectorRegistry:
    """A registry that calls `read` for each scrape."""
    found = CollectorRegistry()
    found.register(_Samples(read))
    return found


def exposition(samples: Iterable[Sample]) -> str:
    """All samples, family by family, each with its HELP and TYPE."""
    return generate_latest(registry(lambda: samples)).decode()
