{{ keys_with_twins('funding') }}
