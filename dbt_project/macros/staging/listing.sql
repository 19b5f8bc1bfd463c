{#- Fields of one record of a listing, which is JSON text. Records are taken apart one by one, not as an array of
    tuples: there a field of another type than expected empties the whole record, or drops it. -#}

{#- Text of a field of any type, a number or an object as it was written; NULL where it is null or not there. -#}
{%- macro listed_text(record, keys) -%}
    JSONExtract({{ record }}, {% for key in keys %}'{{ key }}', {% endfor %}'Nullable(String)')
{%- endmacro -%}

{#- Value of a field that must be text; '' where it is anything else. -#}
{%- macro listed_name(record, key) -%}
    if(JSONType({{ record }}, '{{ key }}') = 'String', JSONExtractString({{ record }}, '{{ key }}'), '')
{%- endmacro -%}

{#- A positive number, NULL where there is none: '' or null is unknown, 0 is a rule that is switched off (Binance's
    documentation of filters), and what cannot be read is named by unread_attributes. -#}
{%- macro positive_number(text) -%}
    if({{ to_number(text) }} > 0, {{ to_number(text) }}, null)
{%- endmacro -%}

{#- A time of listing, NULL outside 2009 to 2200: no exchange was there before, and seconds read as milliseconds end in
    1970. -#}
{%- macro listing_time(text) -%}
    if(toInt64OrNull({{ text }}) between 1230768000000 and 7258118400000, {{ to_time(text) }}, null)
{%- endmacro -%}
