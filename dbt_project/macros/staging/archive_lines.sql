{#- CTEs of every archive leaf: the data lines of each part, split at commas into `f`. The header row, if the file has
    one, is the first line of the first part. -#}
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

{#- A timestamp of an archive file, as text in milliseconds. Landing has checked that it has 13 or 16 digits. -#}
{%- macro archive_time(text) -%}
    substring({{ text }}, 1, 13)
{%- endmacro -%}
