select
    toDateTime(date, 'UTC') as day,
    *
from {{ ref('market_data', 'v_fear_greed_latest') }}
