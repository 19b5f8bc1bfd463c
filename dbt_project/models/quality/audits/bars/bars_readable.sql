{{ unreadable_values('bars') }}
