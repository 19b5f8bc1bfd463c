    {{ find_broken_rules('bars', 'open_time', open_rows() ~ ' and ' ~ in_hours(audited_hours('broken != 0')), 'timeframe') }}
