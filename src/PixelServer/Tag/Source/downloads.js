// downloads: to come.
