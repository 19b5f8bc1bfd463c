{{ binance_instruments(source('raw', 'binance__usdm_instruments'), has_contracts=true) }}
