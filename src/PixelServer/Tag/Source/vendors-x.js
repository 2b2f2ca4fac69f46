// vendors-x: to come.
