{{ row_rule_violations('funding_rates', 'funding_time', open_rows()) }}
