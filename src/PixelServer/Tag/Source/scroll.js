// scroll: to come.
