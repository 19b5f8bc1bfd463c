-- Comments that DESCRIBE and BI tools show. What dbt builds is described by dbt (persist_docs).

alter table raw.binance__spot_klines ${ON_CLUSTER}
    modify comment 'Bars of Binance spot (/api/v3/klines).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.binance__usdm_klines ${ON_CLUSTER}
    modify comment 'Bars of Binance USD-M (/fapi/v1/klines).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.binance__usdm_funding ${ON_CLUSTER}
    modify comment 'Funding of Binance USD-M (/fapi/v1/fundingRate).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.binance__spot_instruments ${ON_CLUSTER}
    modify comment 'Instruments of Binance spot (/api/v3/exchangeInfo).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.binance__usdm_instruments ${ON_CLUSTER}
    modify comment 'Instruments of Binance USD-M (/fapi/v1/exchangeInfo).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.okx__spot_candles ${ON_CLUSTER}
    modify comment 'Bars of OKX (/api/v5/market/candles and history-candles).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.okx__swap_funding ${ON_CLUSTER}
    modify comment 'Funding of OKX swaps (/api/v5/public/funding-rate-history).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.okx__instruments ${ON_CLUSTER}
    modify comment 'Instruments of OKX (/api/v5/public/instruments).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.bybit__spot_klines ${ON_CLUSTER}
    modify comment 'Bars of Bybit spot (/v5/market/kline, category=spot).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.bybit__spot_instruments ${ON_CLUSTER}
    modify comment 'Instruments of Bybit spot (/v5/market/instruments-info, category=spot).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table raw.alternative_me__fear_greed ${ON_CLUSTER}
    modify comment 'Fear & Greed values (alternative.me /fng/).',
    comment column venue 'exchange or publisher',
    comment column http_status 'status of the answer',
    comment column _dlt_load_id 'load of dlt that brought the page',
    comment column _dlt_id 'identity of the row, given by dlt';

alter table ops.builds ${ON_CLUSTER}
    modify comment 'States of builds: the newest row of a build is its state.',
    comment column version 'number of the build, which orders all builds',
    comment column recorded_at 'when the state was written, UTC';

alter table ops.build_pages ${ON_CLUSTER}
    modify comment 'Raw pages that each build took up, by mart.',
    comment column mart 'mart that the rows of the page go to',
    comment column page_id 'identity of the raw page',
    comment column version 'build that took the page up',
    comment column done '1 once every row of the page is in the mart';

alter table ops.coverage ${ON_CLUSTER}
    modify comment 'Coverage ledger: the windows that raw pages answer for.',
    comment column venue 'exchange or publisher',
    comment column market 'spot or perp; empty where the endpoint has no market',
    comment column symbol 'canonical symbol; empty where a page holds many',
    comment column timeframe '1m, 1h; empty where the endpoint has none',
    comment column lane 'rest, archive or live',
    comment column endpoint 'path of the request',
    comment column window_start 'first instant that the page answers for, inclusive, UTC',
    comment column window_end 'last instant that the page answers for, exclusive, UTC',
    comment column row_count 'records in the page',
    comment column fetched_at 'when the answer had arrived, by our clock, UTC',
    comment column server_time 'clock of the venue at the fetch, UTC',
    comment column page_id 'identity of the raw page',
    comment column dataset 'bars, funding, instruments or fear_greed';
