{{ duplicate_keys('instruments') }}
