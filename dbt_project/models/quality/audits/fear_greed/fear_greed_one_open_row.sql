{{ keys_with_twins('fear_greed') }}
