vendor('pinterest', 'pintrk', ([command, name]) => command === 'track' ? [name, 2, 'event_id'] : command === 'page' && ['page']);
