"""Prometheus' text format, version 0.0.4."""

from collections.abc import Iterable

from mdw.metrics.sample import FAMILIES, Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def exposition(samples: Iterable[Sample]) -> str:
    """All samples, family by family, each with its HELP and TYPE."""
    found = list(samples)
    lines: list[str] = []
    for name, (kind, meaning) in FAMILIES.items():
        members = [sample for sample in found if sample.name == name]
        if members:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", *map(_line, members)]
    return "\n".join(lines) + "\n"


def _line(sample: Sample) -> str:
    labels = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sample.labels.items())
    return f"{sample.name}{f'{{{labels}}}' if labels else ''} {float(sample.value):.17g}"
