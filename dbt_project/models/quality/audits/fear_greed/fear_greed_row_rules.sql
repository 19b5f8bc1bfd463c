{{ row_rule_violations('fear_greed', "toDateTime64(date, 3, 'UTC')", open_rows(), instrument="''") }}
