{{ binance_klines(source('raw', 'binance__usdm_klines')) }}
