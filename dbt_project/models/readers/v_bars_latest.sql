{{ view_latest('bars') }}
