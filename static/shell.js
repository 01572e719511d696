// What is around every screen: the bar at the top, tabs on a phone, toasts, dialogs and the connection in a word.

import { h, icon } from './render.js';
import { minutes, optionsInWords, refusal, words } from './words.js';

/** @import { Act, BySeat, Invite, Screen, Seat, State } from './protocol.js' */
/** @import { Child, VNode } from './render.js' */

const THEMES = ['system', 'light', 'dark'];

/**
 * The whole page.
 * @param {State} state
 * @param {Act} act
 * @param {Partial<Screen>} screen
 * @param {{ dialog: Child }} parts
 */
export function page(state, act, screen, { dialog }) {
  const own = screen.bar?.(state, act);
  return h('div', { class: 'app', 'data-screen': state.route.name },
    h('a', { class: 'btn primary skip', href: '#main' }, words.skip),
    h('header', { class: 'topbar' },
      h('a', { class: 'brand', href: '/' }, icon('flag'), h('span', null, words.brand)),
      own ?? navigation(state),
      h('span', { class: 'grow' }),
      connection(state, screen),
      themeButton(state, act),
      account(state)),
    h('main', { id: 'main', class: 'screen', tabindex: '-1' },
      banner(state, act),
      screen.draw ? screen.draw(state, act) : h('p', { class: 'loading muted' }, words.loading)),
    own ? null : tabs(state),
    h('div', { class: 'toasts', role: 'status' }, toasts(state, act)),
    dialog);
}

/** @type {[string, string, string][]} */
const PLACES = [['lobby', '/', 'lobby'], ['games', '/games', 'games'], ['rules', '/rules', 'rules']];

/** @param {State} state */
function navigation(state) {
  return h('nav', { class: 'nav desk-only', 'aria-label': words.nav.label },
    PLACES.map(([name, href, word]) => place(state, name, href, nameOf(word))));
}

/** @param {State} state @param {string} name @param {string} href @param {...Child} content */
function place(state, name, href, ...content) {
  return h('a', { href, 'aria-current': state.route.name === name ? 'page' : null }, ...content);
}

/** @param {string} word */
const nameOf = (word) => /** @type {Record<string, string>} */ (words.nav)[word];

/** @param {State} state */
function tabs(state) {
  const waiting = state.invites.received.length;
  return h('nav', { class: 'tabbar', 'aria-label': words.nav.label },
    place(state, 'lobby', '/', icon('user'), words.nav.lobby, waiting > 0 && h('span', { class: 'badge' }, waiting)),
    place(state, 'games', '/games', icon('play'), words.nav.games),
    place(state, 'rules', '/rules', icon('book'), words.nav.rules),
    state.you ? place(state, 'account', '/account', icon('menu'), words.nav.account) : place(state, 'login', '/login', icon('menu'), words.nav.login));
}

/** @param {State} state @param {Partial<Screen>} screen */
function connection(state, screen) {
  const { text, kind } = (state.connection.word === 'connected' && screen.word?.(state)) || connectionWord(state);
  const sign = state.connection.word === 'elsewhere' ? 'eye' : { good: 'check', wait: 'spin', down: 'warn', quiet: 'eye' }[kind] ?? 'check';
  return h('span', { class: `net ${kind}`, role: 'status' }, icon(sign), h('span', { class: 'net-text' }, text));
}

/** @param {State} state @returns {{ text: string, kind: string }} */
function connectionWord({ connection: { word, sinceMs }, ui }) {
  switch (word) {
    case 'connected':
      return { text: words.connection.connected, kind: 'good' };
    case 'connecting':
      return { text: words.connection.connecting, kind: 'wait' };
    case 'reconnecting':
      return { text: words.connection.reconnecting(Math.floor(Math.max(0, (ui.nowMs ?? sinceMs) - sinceMs) / 1000)), kind: 'down' };
    case 'offline':
      return { text: words.connection.offline, kind: 'down' };
    case 'moving':
      return { text: words.connection.moving, kind: 'wait' };
    case 'elsewhere':
      return { text: words.connection.elsewhere, kind: 'wait' };
    case 'logged_out':
      return { text: words.connection.logged_out, kind: 'quiet' };
  }
}

/** @param {State} state @param {Act} act */
function themeButton(state, act) {
  const theme = state.ui.theme ?? 'system';
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return h('button', {
    type: 'button', class: 'btn quiet icon desk-only', 'aria-label': words.theme.label(words.theme.names[theme] ?? ''),
    title: words.theme.label(words.theme.names[theme] ?? ''), on: { click: () => act.ui('theme', next) },
  }, icon('theme'));
}

/** @param {State} state */
function account({ you }) {
  if (!you) return h('a', { class: 'btn quiet', href: '/login' }, icon('user'), h('span', { class: 'clip' }, words.nav.login));
  return h('a', { class: 'btn quiet account', href: '/account', 'aria-label': words.account(you.name) },
    icon('user'), h('span', { class: 'clip' }, you.name));
}

/** Across the page when this window no longer plays. @param {State} state @param {Act} act */
function banner({ connection: { word } }, act) {
  if (word !== 'elsewhere') return null;
  return h('div', { class: 'banner', role: 'alert' },
    h('p', null, words.connection.elsewhereText),
    h('button', { type: 'button', class: 'btn primary', on: { click: act.takeBack } }, words.connection.takeBack));
}

/** @param {State} state @param {Act} act */
function toasts(state, act) {
  const elsewhere = state.route.name !== 'lobby' ? state.invites.received : [];
  return [
    elsewhere.map((invite) => inviteToast(state, act, invite)),
    state.notices.map(({ key, code, name, words: said }) => h('div', { class: 'toast', key: `n${key}` },
      h('p', null, code === 'letter' && h('b', null, `${name}: `), said),
      code === 'letter' && h('button', { type: 'button', class: 'btn small', on: { click: () => answer(act, key, name) } }, words.letters.answer),
      h('button', { type: 'button', class: 'btn quiet icon small', 'aria-label': words.close, on: { click: () => act.noticed(key) } }, icon('cross')))),
  ];
}

/** @param {Act} act @param {number} key @param {string | null} name */
function answer(act, key, name) {
  act.noticed(key);
  act.ui('dialog', { kind: 'letters', name });
}

/** @param {State} state @param {Act} act @param {Invite} invite */
function inviteToast(state, act, invite) {
  return h('div', { class: 'toast invite', key: `i${invite.name}` },
    h('p', null, h('b', null, words.invites.from(invite.name)), h('br'),
      h('span', { class: 'muted' }, invite.resume ? words.invites.resume : optionsInWords(invite.options))),
    inviteAnswers(act, invite),
    h('span', { class: 'muted num left' }, minutes(leftMs(state, invite))));
}

/** Accept and decline, as in a toast and in the lobby. @param {Act} act @param {Invite} invite */
export function inviteAnswers(act, { name }) {
  return h('div', { class: 'acts' },
    h('button', { type: 'button', class: 'btn small primary', 'aria-label': words.invites.acceptName(name),
      on: { click: () => told(act, act.ask({ ask: 'accept', from: name })) } }, words.invites.accept),
    h('button', { type: 'button', class: 'btn small', 'aria-label': words.invites.declineName(name),
      on: { click: () => told(act, act.ask({ ask: 'decline', from: name })) } }, words.invites.decline));
}

/** Block or unblock, beside messages and on a player's page. @param {State} state @param {Act} act @param {string} name */
export function blockButton(state, act, name) {
  const isBlocked = state.blocked.includes(name);
  const { block, unblock, blockName, unblockName } = words.letters;
  return h('button', { type: 'button', class: `btn ${isBlocked ? '' : 'danger'}`, 'aria-label': isBlocked ? unblockName(name) : blockName(name),
    on: { click: () => told(act, act.ask({ ask: isBlocked ? 'unblock' : 'block', name })) } }, isBlocked ? unblock : block);
}

/** Which seat the own player has, or had. @param {State} state @param {BySeat<string>} names @returns {Seat} */
export const seatOf = ({ you }, names) => (names.second === you?.name ? 'second' : 'first');

/** @param {State} state @param {BySeat<string>} names */
export const opponent = (state, names) => (seatOf(state, names) === 'first' ? names.second : names.first);

/**
 * A whole game in nine cells: whose each flag is; solid for the first seat, or for the own one.
 * @param {string} flags as in `1--2-----`
 * @param {Seat} [own]
 */
export function flagStrip(flags, own = 'first') {
  const mine = own === 'first' ? '1' : '2';
  const kinds = [...flags].map((owner) => (owner === '-' ? '' : owner === mine ? 'y' : 't'));
  const count = (/** @type {string} */ kind) => kinds.filter((other) => other === kind).length;
  return h('span', { class: 'flags9', role: 'img', 'aria-label': words.flags(count('y'), count('t')) },
    kinds.map((kind, index) => h('i', { key: index, class: kind || null })));
}

/** How long an invite still stands. @param {State} state @param {Invite} invite */
export const leftMs = (state, { expires_ms: expiresMs }) =>
  Math.min((state.limits?.invite_secs ?? 0) * 1000, Math.max(0, expiresMs - nowMs(state)));

/** The server's time, as far as the page knows. @param {State} state */
export const nowMs = ({ ui, offsetMs }) => (ui.nowMs ?? 0) + offsetMs;

/**
 * Waits for an answer, and says so if it is a refusal; tells whether it was done.
 * @param {Act} act
 * @param {Promise<import('./protocol.js').Answer>} asked
 */
export async function told(act, asked) {
  const said = await asked;
  if (said.update === 'refused') act.notice(refusal(said));
  return said.update === 'done';
}
