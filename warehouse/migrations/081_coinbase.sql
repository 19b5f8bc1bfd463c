create table if not exists raw.coinbase__spot_candles ${ON_CLUSTER} as raw.binance__spot_klines;
alter table raw.coinbase__spot_candles ${ON_CLUSTER} modify comment 'Bars of Coinbase Exchange (/products/{id}/candles).';

create table if not exists raw.coinbase__spot_instruments ${ON_CLUSTER} as raw.binance__spot_klines;
alter table raw.coinbase__spot_instruments ${ON_CLUSTER} modify comment 'Instruments of Coinbase Exchange (/products).';
