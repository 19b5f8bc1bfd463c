{#- Every audit with its dataset and the worst severity that it reports, in the order in which results are listed: the one
    declaration that results, tests (audit_passes), their meta and the gate read. A finding of an audit of `raw`, which looks at
    rows of every dataset, names the dataset of its rows. What each means and what to do is in runbooks/audits.md under the
    audit's name; thresholds are in docs/audits.md. -#}
{%- macro audits() -%}
    {{ return({
        'bars_ohlc_invariants': ['bars', 'error'],
        'bars_positive_prices': ['bars', 'error'],
        'bars_non_negative_volume': ['bars', 'error'],
        'bars_known_timeframe': ['bars', 'error'],
        'bars_on_the_grid': ['bars', 'error'],
        'bars_not_in_the_future': ['bars', 'error'],
        'bars_not_unfinished': ['bars', 'error'],
        'bars_turnover_between_low_and_high': ['bars', 'warn'],
        'bars_series_of_the_universe': ['bars', 'warn'],
        'bars_one_open_row': ['bars', 'error'],
        'bars_missing': ['bars', 'warn'],
        'bars_fresh': ['bars', 'warn'],
        'bars_hour_equals_its_minutes': ['bars', 'error'],
        'bars_price_against_other_venues': ['bars', 'error'],
        'bars_return_outliers': ['bars', 'error'],
        'bars_flat_runs': ['bars', 'error'],
        'bars_prices_keep_their_text': ['bars', 'error'],
        'bars_archive_against_rest': ['bars', 'warn'],
        'bars_readable': ['bars', 'warn'],
        'bars_live_against_rest': ['bars', 'warn'],
        'bars_before_listing': ['bars', 'warn'],
        'bars_jump_across_gap': ['bars', 'warn'],
        'funding_archive_against_rest': ['funding', 'warn'],
        'funding_readable': ['funding', 'warn'],
        'funding_one_open_row': ['funding', 'error'],
        'funding_within_bounds': ['funding', 'error'],
        'funding_positive_mark_price': ['funding', 'error'],
        'funding_on_the_hour': ['funding', 'warn'],
        'funding_not_in_the_future': ['funding', 'error'],
        'funding_one_per_interval': ['funding', 'error'],
        'funding_interval_changes': ['funding', 'info'],
        'funding_before_listing': ['funding', 'warn'],
        'funding_without_bars': ['funding', 'warn'],
        'funding_fresh': ['funding', 'warn'],
        'instruments_one_open_row': ['instruments', 'error'],
        'instruments_readable': ['instruments', 'warn'],
        'instruments_positive_steps': ['instruments', 'error'],
        'instruments_sane_steps': ['instruments', 'warn'],
        'instruments_known_status': ['instruments', 'warn'],
        'instruments_symbol_of_parts': ['instruments', 'error'],
        'instruments_of_the_universe_present': ['instruments', 'warn'],
        'instruments_changes': ['instruments', 'info'],
        'fear_greed_one_open_row': ['fear_greed', 'error'],
        'fear_greed_between_0_and_100': ['fear_greed', 'error'],
        'fear_greed_not_in_the_future': ['fear_greed', 'error'],
        'fear_greed_every_day': ['fear_greed', 'warn'],
        'fear_greed_fresh': ['fear_greed', 'warn'],
        'conflicting_rows': ['raw', 'error'],
        'listings_are_whole': ['raw', 'warn'],
        'rejected_rows_are_resolved': ['raw', 'error'],
        'manifest_of_the_newest_snapshot': ['snapshots', 'error'],
    }) }}
{%- endmacro -%}

{#- Rules that every single row must meet, by mart: name → (condition, severity, value that tells how bad it is, and perhaps
    the text that breaks it). -#}
{%- macro row_rules(mart) -%}
    {%- set grid = timeframe_ms() -%}
    {%- set rules = {
        'bars': {
            'bars_ohlc_invariants': [
                'low <= least(open, close) and greatest(open, close) <= high', 'error',
                'greatest(low / least(open, close), greatest(open, close) / high) - 1'],
            'bars_positive_prices': ['low > 0', 'error', 'low'],
            'bars_non_negative_volume': [
                'volume >= 0 and ifNull(quote_volume, 0) >= 0', 'error', 'least(volume, ifNull(quote_volume, 0))'],
            'bars_known_timeframe': [grid ~ ' > 0', 'error', 'null'],
            'bars_on_the_grid': [
                grid ~ ' > 0 and toUnixTimestamp64Milli(open_time) % greatest(' ~ grid ~ ', 1) = 0', 'error',
                'toUnixTimestamp64Milli(open_time) % greatest(' ~ grid ~ ', 1) / 1000'],
            'bars_not_in_the_future': [
                'open_time <= ' ~ now_utc(), 'error', "dateDiff('second', " ~ now_utc() ~ ', open_time)'],
            'bars_not_unfinished': [
                'addMilliseconds(open_time, ' ~ grid ~ ') <= addSeconds(ingested_at, '
                ~ threshold('clock_tolerance_seconds') ~ ')', 'error',
                "dateDiff('second', ingested_at, addMilliseconds(open_time, " ~ grid ~ '))'],
            'bars_turnover_between_low_and_high': [
                'volume = 0 or isNull(quote_volume) or quote_volume / volume between low * (1 - ' ~ threshold('turnover_tolerance')
                ~ ') and high * (1 + ' ~ threshold('turnover_tolerance') ~ ')', 'warn', 'quote_volume / volume'],
        },
        'funding_rates': {
            'funding_within_bounds': ['abs(funding_rate) <= ' ~ threshold('funding_rate_bound'), 'error', 'funding_rate'],
            'funding_positive_mark_price': ['ifNull(mark_price, 1) > 0', 'error', 'mark_price'],
            'funding_on_the_hour': ['toMinute(funding_time) = 0', 'warn', 'toMinute(funding_time)'],
            'funding_not_in_the_future': [
                'funding_time <= ' ~ now_utc(), 'error', "dateDiff('second', " ~ now_utc() ~ ', funding_time)'],
        },
        'instruments': {
            'instruments_positive_steps': [
                'ifNull(tick_size, 1) > 0 and ifNull(lot_size, 1) > 0', 'error', 'least(ifNull(tick_size, 1), ifNull(lot_size, 1))'],
            'instruments_known_status': ["status in ('pending', 'trading', 'halted', 'delisted')", 'warn', 'null', 'status'],
            'instruments_symbol_of_parts': ["symbol = concat(base, '/', quote)", 'error', 'null'],
        },
        'fear_greed': {
            'fear_greed_between_0_and_100': ['value between 0 and 100', 'error', 'value'],
            'fear_greed_not_in_the_future': ['date <= toDate(' ~ now_utc() ~ ')', 'error', "dateDiff('day', toDate(" ~ now_utc() ~ '), date)'],
        },
    } -%}
    {{ return(rules[mart]) }}
{%- endmacro -%}

{#- Bit k of the result is set where the k-th rule of the mart is broken. -#}
{%- macro broken_rules(mart) -%}
    toUInt16(
        {%- for rule in row_rules(mart).values() %}
        {{ '+ ' if not loop.first }}bitShiftLeft(toUInt16(not ifNull({{ rule[0] }}, false)), {{ loop.index0 }})
        {%- endfor %}
    )
{%- endmacro -%}
