// consent: to come.
