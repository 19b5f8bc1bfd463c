"""The venues' REST dialects: routes, parameters, page rules, row formats and error bodies."""
