{#- Columns and types that every staging model of an entity has, in order: the staging contract. `only_numbers`: only
    the doubles. -#}
{%- macro staging_columns(entity, only_numbers=false) -%}
    {%- set text = 'LowCardinality(String)' -%}
    {%- set time = "Nullable(DateTime64(3, 'UTC'))" -%}
    {%- set number = 'Nullable(Float64)' -%}
    {%- set provenance = {
        'page_id': 'UUID', 'ingested_at': "DateTime64(6, 'UTC')", 'source': text, 'problem': 'String',
        'raw_row': 'String'} -%}
    {%- set series = {'instrument_id': text, 'venue': text, 'market': text, 'symbol': text} -%}
    {%- set columns = {
        'bars': dict(series, **{
            'timeframe': text, 'open_time': time, 'open': number, 'high': number, 'low': number, 'close': number,
            'volume': number, 'quote_volume': number, 'trade_count': 'Nullable(UInt64)', 'notice': 'String'}),
        'funding': dict(series,
        **{'funding_time_raw': time, 'funding_rate': number, 'mark_price': number, 'notice': 'String'}),
        'instruments': dict(series, **{
            'venue_symbol': 'String', 'base': text, 'quote': text, 'settle': text, 'status': text,
            'tick_size': number, 'lot_size': number, 'min_qty': number, 'min_notional': number, 'contract_size': number,
            'listed_at': time, 'is_full_listing': 'Bool', 'notice': 'String'}),
        'fear_greed': {'date': 'Nullable(Date)', 'value': 'Nullable(UInt8)', 'classification': text},
    } -%}
    {%- set found = dict(columns[entity], **provenance) -%}
    {%- if only_numbers -%}
        {%- set numbers = [] -%}
        {%- for name, type in found.items() if type == number -%}{%- do numbers.append(name) -%}{%- endfor -%}
        {{ return(numbers) }}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro -%}
