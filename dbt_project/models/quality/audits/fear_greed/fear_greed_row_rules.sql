{{ rows_that_break_rules('fear_greed', "toDateTime64(date, 3, 'UTC')", open_rows(), instrument="''") }}
