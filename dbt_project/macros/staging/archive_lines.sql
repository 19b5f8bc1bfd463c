{#- CTEs of every archive leaf: the lines of each part that hold data, cut at commas into `f`. The header row is the
    first line of the first part, where the file has one. -#}
{%- macro archive_lines(pages) -%}
source as (
    select * from {{ pages }} where http_status = 200
),

lines as (
    select * except (payload), line
    from source
    array join splitByChar('\n', payload) as line
    where line != '' and line != header
),

exploded as (
    select *, splitByChar(',', line) as f
    from lines
)
{%- endmacro -%}

{#- A time of an archive file, text in the unit of the file, as text in milliseconds. Landing has checked that it has
    13 or 16 digits. -#}
{%- macro archive_time(text) -%}
    substring({{ text }}, 1, 13)
{%- endmacro -%}
