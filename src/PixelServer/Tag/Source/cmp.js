// cmp: to come.
