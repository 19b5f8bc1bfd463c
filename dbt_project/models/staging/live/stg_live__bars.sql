{%- for raw in live_raws() %}
-- depends_on: {{ source('raw', raw) }}
{%- endfor %}
{% set pages -%}
select * from {{ merged_raw(live_raws()) }} where http_status in (101, 200)
{%- endset -%}
{{ bars_of_pages(pages) }}
