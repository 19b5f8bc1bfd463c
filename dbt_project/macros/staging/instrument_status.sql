{#- Maps a venue's instrument status to ours: pending, trading, halted or delisted. An unrecognized status is kept in
    lower case, so that new ones are not hidden behind a known name; an empty one becomes unknown. -#}
{%- macro instrument_status(word) -%}
    transform(
        upper({{ word }}),
        [
            'TRADING', 'LIVE',
            'PENDING_TRADING', 'PREOPEN', 'PRELAUNCH', 'TEST',
            'BREAK', 'HALT', 'AUCTION_MATCH', 'SUSPEND', 'SETTLING', 'PRE_SETTLE',
            'PRE_DELIVERING', 'DELIVERING', 'DELIVERED', 'CLOSE', 'CLOSED',
            'END_OF_DAY',
            'PRE_TRADING',
            'POST_TRADING', 'TRADING_HALT', 'TRADING_CANCEL_ONLY',
            ''
        ],
        [
            'trading', 'trading',
            'pending', 'pending', 'pending', 'pending',
            'halted', 'halted', 'halted', 'halted', 'halted', 'halted',
            'delisted', 'delisted', 'delisted', 'delisted', 'delisted',
            'halted',
            'pending',
            'halted', 'halted', 'halted',
            'unknown'
        ],
        lower({{ word }})
    )
{%- endmacro -%}
