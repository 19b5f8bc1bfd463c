"""Push to CloudWatch, namespace Mdw, with the names that infra/mwaa/templates/monitoring.yaml alarms on."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from mdw.metrics.sample import Sample
from warehouse.errors import OperationFailed

NAMESPACE = "Mdw"
_BATCH = 500
# Our metric → (CloudWatch's name, unit, labels kept as dimensions). Values with the same dimensions are summed.
_METRICS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "mdw_up": ("WarehouseUp", "None", ()),
    "mdw_seconds_since_publication": ("SecondsSincePublication", "Seconds", ()),
    "mdw_stale_series": ("StaleSeries", "Count", ()),
    "mdw_audit_errors": ("AuditErrors", "Count", ()),
    "mdw_rows_landed_total": ("RowsLanded", "Count", ("venue", "dataset")),
    "mdw_faults_total": ("FaultsByKind", "Count", ("kind",)),
    "mdw_limit_use_ratio": ("LimitUse", "None", ("venue",)),
}


def metric_data(samples: Iterable[Sample], environment: str) -> list[dict[str, Any]]:
    """MetricData of PutMetricData: every value has the dimension Environment first."""
    summed: dict[tuple[str, tuple[tuple[str, str], ...]], float] = defaultdict(float)
    for sample in samples:
        if sample.name in _METRICS:
            kept = _METRICS[sample.name][2]
            summed[sample.name, tuple((key, sample.labels[key]) for key in kept)] += sample.value
    return [
        {
            "MetricName": _METRICS[name][0],
            "Unit": _METRICS[name][1],
            "Value": value,
            "Dimensions": [
                {"Name": "Environment", "Value": environment},
                *({"Name": key.capitalize(), "Value": text} for key, text in labels),
            ],
        }
        for (name, labels), value in summed.items()
    ]


def push(samples: Iterable[Sample], environment: str) -> int:
    """Send the metrics and return their number. Raises OperationFailed if AWS refuses."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    data = metric_data(samples, environment)
    try:
        client = boto3.client("cloudwatch")
        for start in range(0, len(data), _BATCH):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _BATCH])
    except (BotoCoreError, ClientError) as error:
        raise OperationFailed(f"CloudWatch did not accept the metrics: {error}") from None
    return len(data)
