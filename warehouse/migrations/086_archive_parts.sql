-- The archive lane inserts some files at once: 26 MB of text, 8 MB packed, in 36 rows. Such a part in one file costs ClickHouse
-- half of what it costs as a file a column, and merging costs more than the insert, while nobody reads these tables by range:
-- parts are joined up to 32 MiB, which is enough to keep those of single days few.
alter table raw.binance__archive_spot_klines ${ON_CLUSTER}
    modify setting min_bytes_for_wide_part = 1073741824, max_bytes_to_merge_at_max_space_in_pool = 33554432;
alter table raw.binance__archive_usdm_klines ${ON_CLUSTER}
    modify setting min_bytes_for_wide_part = 1073741824, max_bytes_to_merge_at_max_space_in_pool = 33554432;
alter table raw.binance__archive_usdm_funding ${ON_CLUSTER}
    modify setting min_bytes_for_wide_part = 1073741824, max_bytes_to_merge_at_max_space_in_pool = 33554432;
alter table raw.okx__archive_spot_candles ${ON_CLUSTER}
    modify setting min_bytes_for_wide_part = 1073741824, max_bytes_to_merge_at_max_space_in_pool = 33554432;
alter table raw.okx__archive_swap_funding ${ON_CLUSTER}
    modify setting min_bytes_for_wide_part = 1073741824, max_bytes_to_merge_at_max_space_in_pool = 33554432;
