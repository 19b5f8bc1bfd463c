{{ view_latest('fear_greed') }}
