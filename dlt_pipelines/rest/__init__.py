"""The REST lane: paging, the start of histories, the run, loading with dlt."""
