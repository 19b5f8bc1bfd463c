{{ keys_with_twins('instruments') }}
