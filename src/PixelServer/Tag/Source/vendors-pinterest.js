// vendors-pinterest: to come.
