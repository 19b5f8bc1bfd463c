    {{ find_broken_rules('instruments', 'valid_from', open_rows()) }}
