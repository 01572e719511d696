// Log in, sign up, or play as a guest: the page of whoever is not logged in.

import { h, icon } from '../render.js';
import { refusal, words } from '../words.js';

/** @import { Act, State } from '../page.js' */

const { login } = words;

/** What the page holds: which tab, what is being asked, and what was refused. @typedef {{ tab: 'login' | 'signup', busy: boolean, refused: { code?: string, words?: string } | null }} Form */

/** @type {Form} */
const FRESH = { tab: 'login', busy: false, refused: null };

/** @param {State} state @returns {Form} */
const formOf = (state) => state.ui.login ?? FRESH;

export const title = () => login.logIn;

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  const form = formOf(state);
  return h('div', { class: 'login-page' },
    h('section', { class: 'hello' },
      h('h1', null, login.title),
      h('p', { class: 'muted' }, login.intro),
      h('p', null, h('a', { href: '/rules' }, words.nav.rules), ' · ', h('a', { href: '/games' }, words.nav.games)),
      flagRow()),
    h('section', { class: 'box login-box', tabindex: '-1', 'aria-label': login.label },
      h('div', { class: 'tabs', role: 'tablist', 'aria-label': login.label },
        tab(act, form, 'login', login.logIn), tab(act, form, 'signup', login.signUp)),
      credentials(act, form),
      h('p', { class: 'or muted' }, h('span', null, login.or)),
      h('button', { type: 'button', class: 'btn big', disabled: form.busy, on: { click: () => send(act, {}, '/api/guest') } }, login.guest),
      h('p', { class: 'muted hint' }, login.guestHint)));
}

/** Nine flags, as on the table, some of them won. */
function flagRow() {
  return h('div', { class: 'hello-flags', 'aria-hidden': 'true' },
    [...'1--212-1-'].map((owner, index) => h('span', { key: index, class: { 1: 'you', 2: 'them' }[owner] ?? 'open' }, icon('flag'))));
}

/** @param {Act} act @param {Form} form @param {Form['tab']} name @param {string} word */
function tab(act, form, name, word) {
  return h('button', { type: 'button', role: 'tab', id: `tab-${name}`, 'aria-selected': String(form.tab === name), 'aria-controls': 'credentials',
    on: { click: () => set(act, { tab: name, refused: null }) } }, word);
}

/** Sets parts of what the page holds by now, which may be more than it has drawn; tells what it held. @param {Act} act @param {Partial<Form>} parts */
function set(act, parts) {
  let before = FRESH;
  act.ui('login', (/** @type {Form | undefined} */ newest = FRESH) => ({ ...(before = newest), ...parts }));
  return before;
}

/** @param {Act} act @param {Form} form */
function credentials(act, form) {
  const signingUp = form.tab === 'signup';
  const { refused } = form;
  const field = fieldOf(refused?.code);
  return h('form', { id: 'credentials', class: 'stack', role: 'tabpanel', 'aria-labelledby': `tab-${form.tab}`, novalidate: true,
    on: { submit: (event) => submit(event, act) } },
  h('label', { class: 'labelled' }, login.name,
    h('input', { class: 'input', name: 'name', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', maxlength: 20, required: true,
      'aria-invalid': field === 'name' ? 'true' : null, 'aria-describedby': 'name-hint' })),
  h('p', { id: 'name-hint', class: field === 'name' ? 'hint bad' : 'hint muted', role: field === 'name' ? 'alert' : null },
    field === 'name' ? refusal(refused ?? {}) : signingUp && login.nameHint),
  h('label', { class: 'labelled' }, login.password,
    h('input', { class: 'input', name: 'password', type: 'password', autocomplete: signingUp ? 'new-password' : 'current-password', required: true,
      'aria-invalid': field === 'password' ? 'true' : null, 'aria-describedby': 'password-hint' })),
  h('p', { id: 'password-hint', class: field === 'password' ? 'hint bad' : 'hint muted', role: field === 'password' ? 'alert' : null },
    field === 'password' ? refusal(refused ?? {}) : signingUp && login.passwordHint),
  h('button', { type: 'submit', class: 'btn primary big', disabled: form.busy }, signingUp ? login.create : login.logIn),
  field === 'form' && h('p', { class: 'hint bad', role: 'alert' }, refusal(refused ?? {})));
}

/** Beside which field a refusal is shown. @param {string} [code] */
function fieldOf(code) {
  if (!code) return null;
  if (code === 'bad_name' || code === 'name_taken') return 'name';
  return code === 'bad_password' || code === 'wrong_login' ? 'password' : 'form';
}

/** @param {SubmitEvent} event @param {Act} act */
function submit(event, act) {
  event.preventDefault();
  const given = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
  const body = { name: String(given.get('name')).trim(), password: String(given.get('password')) };
  send(act, body);
}

/**
 * Another tab may have logged in meanwhile: a guest is not lost without a question, and nobody gets a second one.
 * @param {Act} act @param {object} body @param {string} [asked] where it is sent, if not where the tab says
 */
async function send(act, body, asked) {
  const { busy, tab } = set(act, { busy: true, refused: null });
  // The second of two quick clicks.
  if (busy) return;
  const path = asked ?? (tab === 'signup' ? '/api/signup' : '/api/login');
  const me = await act.get('/api/me');
  if (me.ok && path === '/api/guest') return enterAs(act);
  const run = () => post(act, path, body);
  if (me.status === 401 || me.ok && !me.data.guest) return run();
  if (!me.ok) return set(act, { busy: false, refused: me.data });
  const said = words.accountPage;
  set(act, { busy: false, refused: null });
  act.ui('dialog', { kind: 'confirm', title: said.giveUpGuest(me.data.name), text: said.giveUpGuestText, yes: said.giveUpGuestYes, danger: true, run });
}

/** @param {Act} act @param {string} path @param {object} body */
async function post(act, path, body) {
  const { ok, data } = await act.post(path, body);
  if (ok) enterAs(act);
  else set(act, { busy: false, refused: data });
}

/** There is a login now. @param {Act} act */
function enterAs(act) {
  set(act, { busy: false, refused: null });
  act.login();
}
