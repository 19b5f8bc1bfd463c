{{ binance_archive_klines(source('raw', 'binance__archive_spot_klines')) }}
