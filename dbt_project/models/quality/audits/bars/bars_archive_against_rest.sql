{{ lane_differences('bars') }}
