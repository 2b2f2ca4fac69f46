// page: to come.
