{#- Length of a timeframe in milliseconds; 0 if it is not in var timeframes. -#}
{%- macro timeframe_ms(timeframe='timeframe') -%}
    toInt64(transform(toString({{ timeframe }}), {{ timeframe_names() }}, {{ var('timeframes').values() | list }}, 0))
{%- endmacro -%}

{#- Names of all timeframes as a ClickHouse array. -#}
{%- macro timeframe_names() -%}
    [{{ quoted(var('timeframes').keys()) }}]
{%- endmacro -%}

{#- Decimal text to the nearest double; NULL if it is not a finite number. -#}
{%- macro to_number(text) -%}
    if(isFinite(toFloat64OrNull({{ text }})), toFloat64OrNull({{ text }}), null)
{%- endmacro -%}

{#- Milliseconds since 1970 as text to a UTC time; NULL if it is not a whole number. -#}
{%- macro to_time(text) -%}
    {%- set ms -%}
        toInt64OrNull({{ text }})
    {%- endset -%}
    {{ ms_to_time(ms) }}
{%- endmacro -%}

{#- Milliseconds since 1970 to a UTC time. -#}
{%- macro ms_to_time(ms) -%}
    fromUnixTimestamp64Milli({{ ms }}, 'UTC')
{%- endmacro -%}

{#- The open time, in milliseconds, of the newest bar that had closed by the venue's clock when the page was fetched.
    -#}
{%- macro newest_closed_ms() -%}
    toUnixTimestamp64Milli(ifNull(server_time, fetched_at)) - {{ timeframe_ms() }}
{%- endmacro -%}

{#- Whether a typed bar of a page with newest_closed_ms had closed. An unreadable time counts as closed, so that the row
    is rejected with a reason instead of lost. -#}
{%- macro has_closed() -%}
    ifNull(toUnixTimestamp64Milli(open_time) <= newest_closed_ms, true)
{%- endmacro -%}

{#- Decimal text of a quantity to the nearest double; NULL if it is negative or not a finite number. -#}
{%- macro to_amount(text) -%}
    if({{ to_number(text) }} >= 0, {{ to_number(text) }}, null)
{%- endmacro -%}

{#- What is wrong with a row, '' if nothing is: `required` must parse. The texts are computed for bad rows only, because
    a branch of if() is evaluated only where its condition is true. -#}
{%- macro first_problem(required) -%}
    if(
        page_problem != ''
        {%- for name in required %} or isNull({{ name }}){% endfor %},
        multiIf(
            page_problem != '', page_problem,
            {%- for name in required %}
            isNull({{ name }}),
            concat('{{ name }} is not a valid value: ', ifNull(nullIf({{ name }}_text, ''), 'null')),
            {%- endfor %}
            ''
        ),
        ''
    )
{%- endmacro -%}

{#- Names the optional columns that are NULL although their text is not empty; '' if there are none. `zero_is_none`: 0
    means that there is no value, as in the filters of a listing. -#}
{%- macro unreadable_attributes(names, zero_is_none=false) -%}
    {%- if not names -%}
    ''
    {%- else -%}
    if(
        {% for name in names %}{{ ' or ' if not loop.first }}{{ is_unreadable(name, zero_is_none) }}{% endfor %},
        arrayStringConcat(arrayFilter(text -> text != '', [
            {%- for name in names %}
            if({{ is_unreadable(name,
                zero_is_none) }}, concat('{{ name }} cannot be read: ', ifNull({{ name }}_text, '')), ''){{ ','
                if not loop.last }}
            {%- endfor %}
        ]), '; '),
        ''
    )
    {%- endif -%}
{%- endmacro -%}

{%- macro is_unreadable(name, zero_is_none) -%}
    (isNull({{ name }}) and ifNull({{ name }}_text, '') != ''
    {%- if zero_is_none %} and ifNull(toFloat64OrNull({{ name }}_text), 1) != 0{% endif %})
{%- endmacro -%}

{#- Provenance and series of a page: the first columns of every exploded row. -#}
{%- macro page_columns() -%}
    page_id,
    fetched_at as ingested_at,
    lane as source,
    venue,
    market,
    symbol,
    concat(venue, ':', market, ':', symbol) as instrument_id
{%- endmacro -%}
