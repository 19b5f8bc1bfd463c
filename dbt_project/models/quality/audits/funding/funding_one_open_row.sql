{{ duplicate_keys('funding') }}
