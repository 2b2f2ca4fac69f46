// vendors-linkedin: to come.
