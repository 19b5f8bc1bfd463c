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
