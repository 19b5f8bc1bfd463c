select * from {{ ref('market_data', 'v_bars_latest') }}
