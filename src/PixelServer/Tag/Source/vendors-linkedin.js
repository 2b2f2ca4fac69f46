vendor('linkedin', 'lintrk', ([command, parameters]) => command === 'track' && (parameters ? ['conversion', 1, 'event_id'] : ['page_view']));
