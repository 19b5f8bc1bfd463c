{{ bar_gaps('(select max(newest.data_version) from ' ~ ref('snapshots') ~ ' as newest)') }}
