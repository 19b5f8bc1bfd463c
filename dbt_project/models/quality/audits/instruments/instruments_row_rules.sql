{{ rows_that_break_rules('instruments', 'valid_from', open_rows()) }}
