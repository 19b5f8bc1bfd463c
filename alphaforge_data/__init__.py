"""Read market data of the warehouse, pinned to a snapshot, as Arrow tables.

```python
import alphaforge_data

client = alphaforge_data.connect()
bars = client.bars("BTC/USDT", "1h", "2025-01-01T00:00Z", "2025-02-01T00:00Z", venue="binance")
alphaforge_data.snapshot_of(bars).snapshot_id  # which version of the data this is
bars.to_pandas()
```
Times are UTC, a start is inclusive, an end exclusive. Unknown values are null, never 0.
"""

from alphaforge_data.client import Client, connect
from alphaforge_data.errors import (
    AlphaforgeDataError,
    BadRequest,
    NotReachable,
    QueryFailed,
    UnknownSnapshot,
    WithdrawnSnapshot,
)
from alphaforge_data.snapshots import Snapshot, snapshot_of

__version__ = "0.1.0"

__all__ = [
    "AlphaforgeDataError",
    "BadRequest",
    "Client",
    "NotReachable",
    "QueryFailed",
    "Snapshot",
    "UnknownSnapshot",
    "WithdrawnSnapshot",
    "connect",
    "snapshot_of",
]
