for (const name of ['fbq', '_fbq']) vendor('meta', name, (call) => {
  const at = { track: 1, trackCustom: 1, trackSingle: 2, trackSingleCustom: 2 }[call[0]];
  return at && [call[at], at + 1, 'eventID', at + 2];
});
