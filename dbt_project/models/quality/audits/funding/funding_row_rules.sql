{{ rows_that_break_rules('funding_rates', 'funding_time', open_rows()) }}
