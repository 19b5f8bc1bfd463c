"""Reports: data quality, the data catalog, Elementary's; and their delivery."""
