// outbound: to come.
