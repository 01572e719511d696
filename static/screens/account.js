// The own account: password, or how a guest gets one; theme, blocked players, log out, delete.

import { h } from '../render.js';
import { guestEnds, named, readGuest } from '../shell.js';
import { refusal, words } from '../words.js';

/** @import { Act, State } from '../page.js' */

const { accountPage: said } = words;

export const title = () => words.nav.account;

/** @param {State} state @param {Act} act */
export function enter(state, act) {
  readGuest(state, act);
}

/** @param {State} _state @param {Act} act */
export function leave(_state, act) {
  act.ui('account', null);
}

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  const { you } = state;
  if (!you) return h('p', { class: 'loading muted' }, words.loading);
  return h('div', { class: 'paper narrow' },
    h('header', null, h('h1', { translate: 'no' }, you.name),
      h('a', { class: 'btn', href: `/player/${you.name}` }, said.ownPage),
      h('button', { type: 'button', class: 'btn', on: { click: () => logOut(state, act) } }, said.logOut)),
    you.guest ? upgrade(state, act) : password(state, act),
    theme(state, act),
    alerts(state, act),
    blocked(state, act),
    remove(state, act, you.guest));
}

/**
 * A form with a title, a sentence, fields and one button; what came of it is said below.
 * @param {State} state @param {Act} act
 * With `sure` it asks once more before it is sent.
 * @param {{ part: string, title: string, text?: string, fields: import('../render.js').Child[], send: string, danger?: boolean, path: string, done: string,
 *   sure?: { title: string, text: string }, then?: () => void }} form
 */
function form(state, act, { part, title: heading, text, fields, send, danger, path, done, sure, then }) {
  const outcome = state.ui.account?.part === part ? state.ui.account : null;
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const element = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (sure) act.ui('dialog', { kind: 'confirm', ...sure, yes: send, danger: true, run: () => run(element) });
    else run(element);
  };
  /** @param {HTMLFormElement} element */
  const run = async (element) => {
    const body = Object.fromEntries(new FormData(element));
    let isBusy = false;
    act.ui('account', (/** @type {any} */ newest) => {
      isBusy = newest?.part === part && newest.busy;
      return isBusy ? newest : { part, busy: true };
    });
    // The second of two quick clicks.
    if (isBusy) return;
    const { ok, data } = await act.post(path, body);
    act.ui('account', { part, said: ok ? done : refusal(data), ok });
    if (!ok) return;
    element.reset();
    then?.();
  };
  return h('form', { class: 'box', tabindex: '-1', 'aria-label': heading, on: { submit } },
    h('h2', null, heading), text && h('p', { class: 'muted' }, text), fields,
    outcome?.said && h('p', { class: outcome.ok ? 'good' : 'bad', role: outcome.ok ? 'status' : 'alert' }, outcome.said),
    h('button', { type: 'submit', class: danger ? 'btn danger' : 'btn primary', disabled: Boolean(outcome?.busy) }, send));
}

/** @param {string} label @param {string} name @param {object} [more] */
const field = (label, name, more = {}) => h('label', { class: 'labelled', key: name }, label,
  h('input', { class: 'input', name, required: true, ...more }));

/** @param {string} label @param {string} name @param {'current-password' | 'new-password'} kind */
const secret = (label, name, kind) => field(label, name, { type: 'password', autocomplete: kind });

/** @param {State} state @param {Act} act */
const upgrade = (state, act) => form(state, act, {
  part: 'upgrade', title: said.upgrade, text: `${said.upgradeText} ${said.guestEnds(guestEnds(state))}`, send: said.upgradeSend, path: '/api/upgrade', done: said.upgraded, then: act.login,
  fields: [field(words.login.name, 'name', { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', maxlength: 20 }),
    h('p', { class: 'hint muted' }, words.login.nameHint), secret(words.login.password, 'password', 'new-password'),
    h('p', { class: 'hint muted' }, words.login.passwordHint)],
});

/** @param {State} state @param {Act} act */
const password = (state, act) => form(state, act, {
  part: 'password', title: said.password, send: said.passwordSend, path: '/api/password', done: said.passwordDone,
  fields: [secret(said.oldPassword, 'old', 'current-password'), secret(said.newPassword, 'new', 'new-password'),
    h('p', { class: 'hint muted' }, words.login.passwordHint)],
});

/** @param {State} state @param {Act} act @param {boolean} guest */
const remove = (state, act, guest) => form(state, act, {
  part: 'delete', title: said.remove, text: guest ? said.removeGuestText : said.removeText, send: said.removeSend, danger: true, path: '/api/delete',
  sure: { title: said.removeSure, text: said.removeSureText }, done: '', then: act.login, fields: guest ? [] : [secret(words.login.password, 'password', 'current-password')],
});

/** @param {State} state @param {Act} act */
function theme(state, act) {
  return h('section', { class: 'box', 'aria-label': said.theme },
    h('h2', null, said.theme),
    h('div', { class: 'seg', role: 'radiogroup', 'aria-label': said.theme }, Object.entries(words.theme.names).map(([value, word]) =>
      h('label', { key: value }, h('input', { type: 'radio', name: 'theme', value, prop: { checked: (state.ui.theme ?? 'system') === value },
        on: { change: () => act.ui('theme', value) } }), word))));
}

/** How somebody who does not look is called; the browser is asked only when that is wanted. @param {State} state @param {Act} act */
function alerts(state, act) {
  const wanted = state.ui.alerts ?? {};
  const change = async (/** @type {string} */ name, /** @type {boolean} */ isOn) => {
    const { allowed, play } = await import('../attention.js');
    const mayBe = name !== 'notify' || !isOn || await allowed();
    if (!mayBe) act.notice(said.alertRefused);
    if (name === 'sound' && isOn) play();
    // Another one may have been changed while this one was loaded.
    act.ui('alerts', (/** @type {object} */ newest) => ({ ...newest, [name]: isOn && mayBe }));
  };
  const one = (/** @type {string} */ name, /** @type {string} */ word) => h('label', { class: 'check', key: name },
    h('input', { type: 'checkbox', name, prop: { checked: Boolean(wanted[name]) }, on: { change: (event) => change(name, event.target.checked) } }), word);
  return h('section', { class: 'box', 'aria-label': said.alerts },
    h('h2', null, said.alerts), one('sound', said.alertSound), one('notify', said.alertNotify));
}

/** @param {State} state @param {Act} act */
function blocked(state, act) {
  if (state.connection.word === 'quiet') {
    return h('section', { class: 'box', 'aria-label': said.blocked }, h('h2', null, said.blocked), h('p', { class: 'muted' }, said.blockedElsewhere),
      h('button', { type: 'button', class: 'btn', on: { click: act.takeBack } }, said.blockedShow));
  }
  return h('section', { class: 'box', 'aria-label': said.blocked },
    h('h2', { tabindex: '-1' }, said.blocked),
    state.blocked.length === 0 && h('p', { class: 'muted' }, said.blockedNone),
    state.blocked.map((name) => h('div', { class: 'blocked-row', tabindex: '-1', key: name }, h('b', null, named(name)),
      h('button', { type: 'button', class: 'btn small', 'aria-label': words.letters.unblockName(name), on: { click: () => act.ask({ ask: 'unblock', name }) } },
        words.letters.unblock))));
}

/** A guest who logs out cannot come back: he is asked first. @param {State} state @param {Act} act */
function logOut(state, act) {
  const run = async () => {
    const { ok, data } = await act.post('/api/logout');
    if (ok) act.login();
    else act.notice(refusal(data));
  };
  if (!state.you?.guest) return run();
  act.ui('dialog', { kind: 'confirm', title: said.logOutGuest, text: said.logOutGuestText, yes: said.logOut, danger: true, run });
}
