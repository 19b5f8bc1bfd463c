{{ view_of_all('fear_greed') }}
