// Writes random consent strings of other makers' encoders, one JSON object a line: the string and the fields it was made of.
// node consent-vectors.cjs tcf|tcf-old|gpp COUNT SEED
const [kind, count, seed] = [process.argv[2], +process.argv[3], +process.argv[4]];

let state = seed >>> 0; // mulberry32: the same vectors on every machine
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const some = (ids, share = random()) => ids.filter(() => random() < share);
const letters = () => String.fromCharCode(65 + below(26), 65 + below(26));
const lines = [];

// 3 28-30 for 3, 28, 29, 30.
function ranges(ids) {
  const found = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] + 1 === id) last[1] = id;
    else found.push([id, id]);
  }
  return found.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(' ');
}

function tcf({ GVL, TCModel, TCString, PurposeRestriction }, isOld) {
  const purposes = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [i + 1, { id: i + 1, name: '', description: '', descriptionLegal: '', illustrations: [] }]));
  const ids = [1, 2, 3, 4, 8, 28, 29, 30, 100, 404, 755, 1000];
  const vendors = Object.fromEntries(ids.map((id) => [id, {
    id, name: 'v' + id, purposes: [1, 3, 4, 7, 8], legIntPurposes: [2, 9, 10], flexiblePurposes: [2, 7, 8, 9, 10], specialPurposes: [1], features: [], specialFeatures: [1], policyUrl: '',
  }]));
  const list = {
    gvlSpecificationVersion: isOld ? 2 : 3, vendorListVersion: 123, tcfPolicyVersion: isOld ? 4 : 5, lastUpdated: '2026-01-01T00:00:00Z',
    purposes, specialPurposes: { 1: { id: 1 } }, features: {}, specialFeatures: { 1: { id: 1 }, 2: { id: 2 } }, vendors, stacks: {},
  };
  for (let i = 0; i < count; i++) {
    const gvl = new GVL(JSON.parse(JSON.stringify(list)));
    const model = new TCModel(gvl);
    const day = new Date(Date.UTC(2024, 0, 1) + below(1000) * 86_400_000);
    model.cmpId = 2 + below(4000);
    model.cmpVersion = 1 + below(4000);
    model.consentScreen = below(64);
    model.consentLanguage = letters();
    model.isServiceSpecific = true;
    model.useNonStandardTexts = random() < 0.5;
    model.purposeOneTreatment = random() < 0.3;
    model.publisherCountryCode = letters();
    model.specialFeatureOptins.set(some([1, 2]));
    model.purposeConsents.set(some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    model.purposeLegitimateInterests.set(some([2, 7, 8, 9, 10, 11]));
    model.vendorConsents.set(some(ids));
    model.vendorLegitimateInterests.set(some(ids));
    if (!isOld) model.vendorsDisclosed.set(some(ids));
    model.publisherConsents.set(some([1, 2, 3, 7, 8, 9, 10]));
    model.publisherLegitimateInterests.set(some([2, 7, 8, 9, 10]));
    model.numCustomPurposes = below(5);
    const custom = Array.from({ length: model.numCustomPurposes }, (_, n) => n + 1);
    model.publisherCustomConsents.set(some(custom));
    model.publisherCustomLegitimateInterests.set(some(custom));
    for (let r = below(4); r > 0; r--) {
      const restriction = new PurposeRestriction();
      restriction.purposeId = [2, 7, 8, 9, 10][below(5)];
      restriction.restrictionType = below(3);
      for (const id of some(ids)) model.publisherRestrictions.add(id, restriction);
    }
    model.created = day;
    model.lastUpdated = day;
    const text = TCString.encode(model, isOld ? { isForVendors: false } : undefined);

    // What the library itself reads in it: it leaves out what the vendor list does not allow.
    const read = TCString.decode(text);
    const restrictions = {};
    for (const one of read.publisherRestrictions.getRestrictions()) restrictions[`${one.purposeId}/${one.restrictionType}`] = ranges(read.publisherRestrictions.getVendors(one));
    const set = (vector) => { const found = []; vector.forEach((has, id) => has && found.push(id)); return ranges(found); };
    lines.push({
      text, created: +read.created, lastUpdated: +read.lastUpdated, cmpId: read.cmpId, cmpVersion: read.cmpVersion, screen: read.consentScreen,
      language: read.consentLanguage.toUpperCase(), list: read.vendorListVersion, policy: read.policyVersion, nonStandard: read.useNonStandardTexts || read.useNonStandardStacks || false,
      one: read.purposeOneTreatment, country: read.publisherCountryCode.toUpperCase(),
      features: set(read.specialFeatureOptins), purposes: set(read.purposeConsents), interests: set(read.purposeLegitimateInterests),
      vendors: set(read.vendorConsents), vendorInterests: set(read.vendorLegitimateInterests),
      disclosed: text.split('.').some((s, n) => n > 0 && s >= 'I' && s < 'Q') ? set(read.vendorsDisclosed) : null,
      publisher: text.split('.').some((s, n) => n > 0 && s >= 'Y')
        ? [set(read.publisherConsents), set(read.publisherLegitimateInterests), set(read.publisherCustomConsents), set(read.publisherCustomLegitimateInterests)] : null,
      restrictions: Object.keys(restrictions).sort().map((key) => `${key}: ${restrictions[key]}`),
    });
  }
}

// The library writes when a field was last set.
let now = 0;
const RealDate = Date;
class ToldDate extends RealDate {
  constructor(...of) { super(...(of.length > 0 ? of : [now])); }
}

function gpp({ GppModel }) {
  globalThis.Date = ToldDate;
  const states = ['usnat', 'usca', 'usva', 'usco', 'usut', 'usct', 'usfl', 'usmt', 'usor', 'ustx', 'usde', 'usia', 'usne', 'usnh', 'usnj', 'ustn', 'usmn', 'usmd', 'usin', 'usky', 'usri'];
  // No field of the section itself but of how the library writes it.
  const own = /Version$|SegmentType$|SegmentIncluded$|^SensitiveDataConsent/;
  for (let i = 0; i < count; i++) {
    now = Date.UTC(2026, 7, 1) + below(80) * 86_400_000;
    const model = new GppModel();
    const sections = {};
    for (const state of some(states, random() * 0.4)) {
      const blank = new GppModel();
      blank.setFieldValue(state, ['usmd', 'usin', 'usky', 'usri'].includes(state) ? 'MspaMode' : 'SaleOptOut', 0);
      const names = Object.keys(blank.toObject()[state]);
      const fields = {};
      for (const name of names) {
        if (own.test(name)) continue;
        const old = blank.toObject()[state][name];
        const value = Array.isArray(old) ? old.map(() => below(3)) : typeof old === 'boolean' ? random() < 0.5 : name === 'MspaCoveredTransaction' ? 1 + below(2) : below(3);
        model.setFieldValue(state, name, value);
        fields[name] = value;
      }
      if (names.includes('Gpc')) {
        const isIn = random() < 0.5;
        model.setFieldValue(state, 'GpcSegmentIncluded', isIn);
        if (!isIn) delete fields.Gpc;
      }
      if (['usin', 'usky', 'usri'].includes(state)) {
        delete fields.SensitiveDataProcessing; // in a segment of its own, which has nothing to do with ads
        model.setFieldValue(state, 'SensitiveDataConsentSegmentIncluded', random() < 0.5);
      }
      sections[state] = fields;
    }
    let usp = null;
    if (random() < 0.3) {
      usp = '1' + ['Y', 'N', '-'][below(3)] + ['Y', 'N', '-'][below(3)] + ['Y', 'N', '-'][below(3)];
      model.setFieldValue('uspv1', 'Version', 1);
      ['Notice', 'OptOutSale', 'LspaCovered'].forEach((name, n) => model.setFieldValue('uspv1', name, usp[n + 1]));
    }
    let tcf = null;
    if (random() < 0.5) {
      const set = (name, ids) => { model.setFieldValue('tcfeuv2', name, ids); return ranges(ids); };
      const flags = (length) => Array.from({ length }, () => random() < 0.5);
      const bits = (name, values) => { model.setFieldValue('tcfeuv2', name, values); return ranges(values.flatMap((is, n) => (is ? [n + 1] : []))); };
      tcf = {};
      for (const [name, value] of Object.entries({ CmpId: 2 + below(4000), CmpVersion: 1 + below(4000), ConsentScreen: below(64), ConsentLanguage: letters(), VendorListVersion: below(4096), PolicyVersion: 4 + below(2), PurposeOneTreatment: random() < 0.3, PublisherCountryCode: letters(), UseNonStandardStacks: random() < 0.5 })) {
        model.setFieldValue('tcfeuv2', name, value);
        tcf[name] = value;
      }
      model.setFieldValue('tcfeuv2', 'IsServiceSpecific', true);
      for (const [name, length] of [['SpecialFeatureOptins', 12], ['PurposeConsents', 24], ['PurposeLegitimateInterests', 24], ['PublisherConsents', 24], ['PublisherLegitimateInterests', 24]]) tcf[name] = bits(name, flags(length));
      const custom = below(5);
      model.setFieldValue('tcfeuv2', 'NumCustomPurposes', custom);
      for (const name of ['PublisherCustomConsents', 'PublisherCustomLegitimateInterests']) tcf[name] = bits(name, flags(custom));
      const vendors = [1, 2, 3, 4, 8, 28, 29, 30, 100, 404, 755, 1000];
      for (const name of ['VendorConsents', 'VendorLegitimateInterests', 'VendorsDisclosed']) tcf[name] = set(name, some(vendors));
      for (const name of ['Created', 'LastUpdated']) tcf[name] = +model.getFieldValue('tcfeuv2', name);
    }
    lines.push({ text: model.encode(), ids: model.getSectionIds(), sections, usp, tcf });
  }
}

if (kind === 'tcf') tcf(require('@iabtechlabtcf/core'), false);
else if (kind === 'tcf-old') tcf(require('@iabtcf/core'), true);
else gpp(require('@iabgpp/cmpapi'));
process.stdout.write(lines.map((line) => JSON.stringify(line)).join('\n') + '\n');
