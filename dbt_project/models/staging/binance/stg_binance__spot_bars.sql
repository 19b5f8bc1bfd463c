{{ binance_klines(source('raw', 'binance__spot_klines')) }}
