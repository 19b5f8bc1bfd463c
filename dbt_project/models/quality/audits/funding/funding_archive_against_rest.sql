{{ lane_differences('funding') }}
