// vendors-meta: to come.
