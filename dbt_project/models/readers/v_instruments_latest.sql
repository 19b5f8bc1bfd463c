{{ view_latest('instruments') }}
