// forms: to come.
