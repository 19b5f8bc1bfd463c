{{ view_latest('funding') }}
