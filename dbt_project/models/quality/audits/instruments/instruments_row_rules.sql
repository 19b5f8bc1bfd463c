{{ row_rule_violations('instruments', 'valid_from', open_rows()) }}
