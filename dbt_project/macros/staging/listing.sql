{#- Fields of one record of a listing, which is JSON text. Records are parsed one by one, not as an array of tuples,
    where a field of an unexpected type would empty or drop the whole record. -#}

{#- Text of a field of any type, numbers and objects as written; NULL if it is null or absent. -#}
{%- macro listed_text(record, keys) -%}
    JSONExtract({{ record }}, {% for key in keys %}'{{ key }}', {% endfor %}'Nullable(String)')
{%- endmacro -%}

{#- Value of a field that must be text; '' if it is anything else. -#}
{%- macro listed_name(record, key) -%}
    if(JSONType({{ record }}, '{{ key }}') = 'String', JSONExtractString({{ record }}, '{{ key }}'), '')
{%- endmacro -%}

{#- A positive number, otherwise NULL: '' or null is unknown, 0 is a rule that is switched off (Binance's documentation
    of filters), and unreadable_attributes reports what cannot be read. -#}
{%- macro positive_number(text) -%}
    if({{ to_number(text) }} > 0, {{ to_number(text) }}, null)
{%- endmacro -%}

{#- A listing time, NULL outside 2009 to 2200: there was no exchange before, and seconds read as milliseconds give 1970.
    -#}
{%- macro listing_time(text) -%}
    if(toInt64OrNull({{ text }}) between 1230768000000 and 7258118400000, {{ to_time(text) }}, null)
{%- endmacro -%}
