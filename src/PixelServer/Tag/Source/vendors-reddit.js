// vendors-reddit: to come.
