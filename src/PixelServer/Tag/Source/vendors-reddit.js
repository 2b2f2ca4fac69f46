vendor('reddit', 'rdt', ([command, name, parameters]) => command === 'track' && [parameters?.customEventName || name, 2, 'conversionId']);
