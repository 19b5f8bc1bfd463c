    {{ find_broken_rules('funding_rates', 'funding_time', open_rows()) }}
