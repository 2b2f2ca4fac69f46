// Consent platforms: what they say counts like px('consent', …), each as a source of its own.

const purposesAllow = (allows) => ({
  storage: allows(1), measurement: allows(7) || allows(8) || allows(9), ads: allows(1) && allows(3) && allows(4),
});
const everything = { storage: true, measurement: true, ads: true };

// Google Consent Mode. A default is no decision: denied means wait. Nor do we know the visitor's region: of defaults that differ by
// region only what they deny is believed.
let isRegional;
tap('dataLayer', ([command, kind, words]) => {
  if (command !== 'consent') return;
  const answer = understand(words);
  if (kind === 'default') {
    if (words.region) {
      isRegional = true;
      delete said.google;
    }
    if (answer.storage === false || answer.measurement === false) isRequired = true;
    for (const key in answer) if (answer[key] ? isRegional : isRequired) delete answer[key];
  }
  say('google', answer);
});

// IAB TCF 2
watch('__tcfapi', (api) => {
  api('addEventListener', 2, guard((data, ok) => {
    if (!ok) return;
    Object.assign(strings, { gdpr: data.gdprApplies ? 1 : 0, gdpr_consent: data.tcString });
    if (data.gdprApplies === false) say('tcf', everything);
    else if (/loaded|complete/.test(data.eventStatus)) {
      say('tcf', purposesAllow((id) => !!(data.publisher?.consents?.[id] || data.purpose?.consents?.[id])));
    } else isRequired = true; // the banner is open
  }));
  return api;
});

// IAB GPP 1.1
watch('__gpp', (api) => {
  api('addEventListener', guard(({ pingData }) => {
    if (pingData.signalStatus !== 'ready') return;
    const { gppString, applicableSections: sections, parsedSections } = pingData;
    Object.assign(strings, { gpp: gppString, gpp_sid: sections.join() });
    if (sections.includes(2)) {
      const { PurposeConsents: consents } = [parsedSections.tcfeuv2].flat()[0];
      say('gpp', purposesAllow((id) => consents[id - 1] === true || consents.includes(id)));
    } else if (sections.some((id) => id < 0 || id > 5)) { // American states: nobody has to agree, so there is no yes either
      isRequired &&= strings.gdpr;
      delete said.gpp;
      say('gpp', /"((Sale|Sharing|TargetedAdvertising)OptOut":1|OptOutSale":"Y"|Gpc":true)/.test(JSON.stringify(parsedSections)) ? { ads: false } : {});
    }
  }));
  return api;
});
