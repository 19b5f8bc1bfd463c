{#- The state of each minute of the live lane: from the reader that follows the most series, the first state in which
    the minute was complete, otherwise the newest. -#}
select
    venue,
    market,
    minute,
    toInt64(due) as due,
    toInt64(by_socket) as by_socket,
    toInt64(by_rest) as by_rest,
    toInt64(missing) as missing,
    complete_at,
    reader,
    recorded_at
from {{ source('ops', 'live_minutes') }}
order by venue asc, market asc, minute asc, due desc, isNull(complete_at) asc, complete_at asc, recorded_at desc
limit 1 by venue, market, minute
