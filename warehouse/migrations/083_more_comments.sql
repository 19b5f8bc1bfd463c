-- What 060_comments.sql left undescribed.

alter table ops.alerts ${ON_CLUSTER}
    modify comment 'Alerts that were raised and resolved: the newest row of a key is its state.',
    comment column severity 'error or warn',
    comment column title 'what happened, in a line',
    comment column detail 'what was seen',
    comment column runbook 'page that says what to do',
    comment column recorded_at 'when it was said, UTC';

alter table ops.iceberg_exports ${ON_CLUSTER}
    modify comment 'Exports of snapshots to Apache Iceberg: one row an export.',
    comment column snapshot_id 'name of the exported snapshot',
    comment column data_version 'its data version',
    comment column files_written 'data files that this export wrote',
    comment column exported_at 'when the export ended, UTC';

alter table ops.landings ${ON_CLUSTER}
    modify comment 'Runs that landed data: counts, faults, use of the limits.',
    comment column recorded_at 'when the run ended, UTC',
    comment column seconds 'how long it took',
    comment column pages 'pages or parts of files that landed',
    comment column rows 'records in them';

alter table ops.quarantine ${ON_CLUSTER}
    modify comment 'Decisions to withhold rows from snapshots, and their ends.',
    comment column reason 'why, in the words of the author',
    comment column author 'who decided',
    comment column recorded_at 'when, UTC';

alter table ops.snapshot_events ${ON_CLUSTER}
    modify comment 'What happened to snapshots: protected, unprotected, dropped.',
    comment column snapshot_id 'name of the snapshot',
    comment column recorded_at 'when, UTC';

alter table raw.binance__archive_spot_klines ${ON_CLUSTER}
    modify comment 'Files of the archive of Binance: bars, spot.',
    comment column venue 'exchange that published the file',
    comment column http_status 'status of the answer';

alter table raw.binance__archive_usdm_klines ${ON_CLUSTER}
    modify comment 'Files of the archive of Binance: bars, USD-M.',
    comment column venue 'exchange that published the file',
    comment column http_status 'status of the answer';

alter table raw.binance__archive_usdm_funding ${ON_CLUSTER}
    modify comment 'Files of the archive of Binance: funding, USD-M.',
    comment column venue 'exchange that published the file',
    comment column http_status 'status of the answer';

alter table raw.okx__archive_spot_candles ${ON_CLUSTER}
    modify comment 'Files of the archive of OKX: bars, spot.',
    comment column venue 'exchange that published the file',
    comment column http_status 'status of the answer';

alter table raw.okx__archive_swap_funding ${ON_CLUSTER}
    modify comment 'Files of the archive of OKX: funding, swaps.',
    comment column venue 'exchange that published the file',
    comment column http_status 'status of the answer';
