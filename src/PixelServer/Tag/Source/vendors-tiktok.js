// vendors-tiktok: to come.
