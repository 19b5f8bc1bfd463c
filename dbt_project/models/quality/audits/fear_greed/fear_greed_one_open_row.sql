{{ duplicate_keys('fear_greed') }}
