{{ view_of_all('bars') }}
