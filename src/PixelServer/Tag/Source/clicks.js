// clicks: to come.
