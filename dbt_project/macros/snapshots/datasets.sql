{#- The published datasets: mart behind each, its time column, and the partition expression of the mart. -#}
{%- macro datasets() -%}
    {{ return({
        'bars': {'mart': 'bars', 'instrument': 'instrument_id', 'timeframe': 'timeframe', 'time': 'open_time', 'partition': 'toYYYYMM(open_time)'},
        'funding': {'mart': 'funding_rates', 'instrument': 'instrument_id', 'timeframe': "''", 'time': 'funding_time', 'partition': 'toYear(funding_time)'},
        'instruments': {'mart': 'instruments', 'instrument': 'instrument_id', 'timeframe': "''", 'time': 'valid_from', 'partition': ''},
        'fear_greed': {'mart': 'fear_greed', 'instrument': "''", 'timeframe': "''", 'time': 'date', 'partition': ''},
    }) }}
{%- endmacro -%}
