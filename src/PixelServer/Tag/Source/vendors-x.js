vendor('x', 'twq', ([command, name]) => /^(event|track)$/.test(command) ? [name, 2, 'conversion_id'] : command === 'config' && ['PageView']);
