onClick('a[href],area[href]', (link) => {
  if (link.hasAttribute('download') || /\.(pdf|docx?|xlsx?|pptx?|od[tsp]|rtf|csv|txt|zip|rar|7z|t?gz|tar|iso|dmg|pkg|exe|msi|apk|deb|rpm|epub|mp[34]|m4a|wav|avi|mov|mkv)$/i.test(link.pathname)) {
    track('download', { link_url: link.href, file_name: link.pathname.split('/').pop() });
  }
});
