// engagement: to come.
