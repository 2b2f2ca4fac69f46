// vendors: to come.
