{{ binance_live_bars(source('raw', 'binance__live_spot_klines')) }}
