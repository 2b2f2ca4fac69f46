// vendors-google: to come.
