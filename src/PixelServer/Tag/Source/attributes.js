// attributes: to come.
