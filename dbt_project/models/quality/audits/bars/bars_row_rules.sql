{#- Only hours that dq_bar_hours saw a broken rule in. #}
{{ rows_that_break_rules(
    'bars', 'open_time', open_rows() ~ ' and ' ~ in_hours(audited_hours('broken != 0')), timeframe='timeframe'
) }}
