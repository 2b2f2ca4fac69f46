// navigation: to come.
