{{ okx_live_bars(source('raw', 'okx__live_spot_candles')) }}
