{{ binance_instruments(source('raw', 'binance__usdm_instruments'), "row.contractType = 'PERPETUAL'") }}
