{{ binance_instruments(source('raw', 'binance__spot_instruments')) }}
