{{ config(schema='marts', sql_security='definer', definer='CURRENT_USER') }}
{{ dataset_condition('(select max(newest.data_version) from ' ~ ref('snapshots') ~ ' as newest)', now_utc()) }}
