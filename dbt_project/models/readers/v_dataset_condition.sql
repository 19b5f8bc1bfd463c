{{ config(schema='marts', sql_security='definer', definer='CURRENT_USER') }}
{{ dataset_condition(newest_version(ref('snapshots')), now_utc()) }}
