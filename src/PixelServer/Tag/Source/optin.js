// The site's regime asks for an opt-in: as data-consent="required", also where the page forgot it.
isRequired = true;
