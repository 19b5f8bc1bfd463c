{{ view_bars_live() }}
