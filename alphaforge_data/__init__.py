"""Read market data from the warehouse, pinned to a snapshot, as Arrow tables.

```python
import alphaforge_data

client = alphaforge_data.connect(snapshot_id="demo")
bars = client.bars("BTC/USDT", "1h", venue="binance")
bars.snapshot.snapshot_id  # which version of the data this is
bars.holes                 # what is missing, and why
bars.to_pandas(index="open_time")
```
Times are UTC, a start is inclusive, an end exclusive. Unknown values are null, never 0.
"""

from alphaforge_data import aio
from alphaforge_data.cache import CacheInfo
from alphaforge_data.client import Client, connect
from alphaforge_data.errors import (
    AlphaforgeDataError,
    BadRequest,
    MissingBars,
    NotCached,
    NotReachable,
    QueryFailed,
    ShortAnswer,
    SnapshotChanged,
    UnknownSnapshot,
    WithdrawnSnapshot,
)
from alphaforge_data.frame import Frame, concat
from alphaforge_data.snapshots import Snapshot, snapshot_of
from alphaforge_data.timeframes import timeframe

__version__ = "0.2.0"

__all__ = [
    "AlphaforgeDataError",
    "BadRequest",
    "CacheInfo",
    "Client",
    "Frame",
    "MissingBars",
    "NotCached",
    "NotReachable",
    "QueryFailed",
    "ShortAnswer",
    "Snapshot",
    "SnapshotChanged",
    "UnknownSnapshot",
    "WithdrawnSnapshot",
    "aio",
    "concat",
    "connect",
    "snapshot_of",
    "timeframe",
]
