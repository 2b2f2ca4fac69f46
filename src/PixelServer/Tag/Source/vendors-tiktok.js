vendor('tiktok', 'ttq', ([command, name]) => command === 'track' ? [name, 2, 'event_id', 3] : command === 'page' && ['Pageview']);
