{{ bybit_live_bars(source('raw', 'bybit__live_spot_klines')) }}
