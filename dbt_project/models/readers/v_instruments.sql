{{ view_of_all('instruments') }}
