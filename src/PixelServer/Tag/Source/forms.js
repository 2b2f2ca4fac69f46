// Which form was sent, never what is in it. By attribute: a field named "id" would hide the property.
addEventListener('submit', guard(({ target: form }) => {
  const { origin, pathname } = new URL(form.getAttribute('action') || '', document.baseURI);
  track('form_submit', { form_id: form.getAttribute('id'), form_name: form.getAttribute('name'), form_action: origin + pathname });
}), true);
