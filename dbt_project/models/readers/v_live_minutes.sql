{#- The state of each minute of the live lane: of several readers the one that follows most, and of its states the one
    in which the minute was complete first, else the newest. -#}
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
