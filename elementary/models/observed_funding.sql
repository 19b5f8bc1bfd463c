select * from {{ ref('market_data', 'v_funding_latest') }}
