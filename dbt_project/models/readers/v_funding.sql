{{ view_of_all('funding') }}
