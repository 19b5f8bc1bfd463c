-- What people decided about rows that failed an audit. Append-only: a release is a row of its own.
create table if not exists ops.quarantine ${ON_CLUSTER}
(
    quarantine_id String comment 'name of the decision; a release repeats it',
    action LowCardinality(String) comment 'quarantine: rows seen so far; without: the series as long as this stands; release: ends either',
    dataset LowCardinality(String) comment 'bars, funding, instruments or fear_greed',
    instrument_id String comment 'empty for fear_greed',
    timeframe String comment 'empty: every timeframe',
    range_start DateTime64(3, 'UTC') comment 'inclusive',
    range_end DateTime64(3, 'UTC') comment 'exclusive',
    reason String,
    author String,
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC')
)
engine = ${MERGE_TREE}
order by (quarantine_id, recorded_at);

-- Alerts that were raised and resolved: the newest row of a key is its state.
create table if not exists ops.alerts ${ON_CLUSTER}
(
    alert_key String comment 'what makes two alerts the same: kind and subject',
    state LowCardinality(String) comment 'raised, repeated or resolved',
    severity LowCardinality(String),
    title String,
    detail String,
    runbook String,
    sent_to Array(String) comment 'channels that took it',
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC')
)
engine = ${MERGE_TREE}
order by (alert_key, recorded_at);

-- One row a landing: how it went, for the metrics.
create table if not exists ops.landings ${ON_CLUSTER}
(
    recorded_at DateTime64(6, 'UTC') default now64(6, 'UTC'),
    seconds Float64,
    pages UInt64,
    rows UInt64,
    failures UInt32 comment 'series or venues left for a later run',
    faults Map(String, UInt64) comment 'requests that failed and were tried again, by kind',
    limit_use Map(String, Float64) comment 'share of the venue''s documented limit that was used, by venue'
)
engine = ${MERGE_TREE}
order by recorded_at;
