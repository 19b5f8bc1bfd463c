{{ unreadable_values('funding') }}
