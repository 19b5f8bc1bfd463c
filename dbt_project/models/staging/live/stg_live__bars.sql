{%- for raw in live_raws() %}
-- depends_on: {{ source('raw', raw) }}
{%- endfor %}
{{ bars_of_pages("select * from merge('raw', '^(" ~ live_raws() | join('|') ~ ")$') where http_status in (101, 200)") }}
