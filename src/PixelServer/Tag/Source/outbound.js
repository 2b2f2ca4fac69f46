onClick('a[href],area[href]', (link) => {
  if (/^http/.test(link.protocol) && link.host !== location.host) track('outbound_click', { link_url: link.href, link_host: link.host });
});
