// What is around every screen: the bar at the top, tabs on a phone, toasts, dialogs and the connection in a word.

import { h, icon } from './render.js';
import { isSameAccount, isYourTurn } from './state.js';
import { cut, deadline, minutes, optionsInWords, refusal, words } from './words.js';

/** @import { Act, Screen, State } from './page.js' */
/** @import { BySeat, Invite, Seat } from './protocol.js' */
/** @import { Child, VNode } from './render.js' */

/** A game, as far as it tells who plays it. @typedef {{ names: BySeat<string>, accounts?: BySeat<string> | null, you?: Seat | null, opponent?: string | null }} Played */

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
  const inert = Boolean(screen.covers?.(state));
  return h('div', { class: 'app', 'data-screen': state.route.name },
    h('a', { class: 'btn primary skip', href: '#main', inert }, words.skip),
    h('header', { class: 'topbar', inert },
      h('a', { class: 'brand', href: '/' }, icon('flag'), h('span', { translate: 'no' }, words.brand)),
      own ?? navigation(state),
      h('span', { class: 'grow' }),
      hasChip(state) && connection(state, screen),
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

/** Who is not logged in, or plays elsewhere, needs no connection to read. @param {State} state */
const hasChip = ({ connection: { word }, route }) => !['logged_out', 'quiet'].includes(word) || route.name === 'game';

/** @param {State} state @param {Partial<Screen>} screen */
function connection(state, screen) {
  const isWatching = watchesOwn(state);
  const { text, kind } = (['connected', 'quiet', 'logged_out'].includes(state.connection.word) && !isWatching && screen.word?.(state)) || connectionWord(state);
  const sign = isWatching ? 'eye' : { good: 'check', wait: 'spin', down: 'warn', quiet: 'eye' }[kind] ?? 'check';
  return h('span', { class: `net ${kind}`, role: 'status' }, icon(sign), h('span', { class: 'net-text' }, text));
}

/** @param {State} state @returns {{ text: string, kind: string }} */
function connectionWord(state) {
  const { connection: { word, sinceMs }, ui } = state;
  switch (watchesOwn(state) ? 'elsewhere' : word) {
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
    default:
      return { text: words.connection.logged_out, kind: 'quiet' };
  }
}

/** @param {State} state @param {Act} act */
function themeButton(state, act) {
  const theme = state.ui.theme ?? 'system';
  const next = (/** @type {string} */ newest = 'system') => THEMES[(THEMES.indexOf(newest) + 1) % THEMES.length];
  return h('button', {
    type: 'button', class: 'btn quiet icon desk-only', 'aria-label': words.theme.label(words.theme.names[theme] ?? ''),
    title: words.theme.label(words.theme.names[theme] ?? ''), on: { click: () => act.ui('theme', next) },
  }, icon('theme'));
}

/** @param {State} state */
function account({ you }) {
  if (!you) return h('a', { class: 'btn quiet', href: '/login' }, icon('user'), h('span', { class: 'clip' }, words.nav.login));
  return h('a', { class: 'btn quiet account', href: '/account', 'aria-label': words.account(you.name) },
    icon('user'), h('span', { class: 'clip', translate: 'no' }, you.name));
}

/** Whether this window shows the own game while another one plays. @param {State} state */
export const watchesOwn = ({ connection: { word }, follows, route, seat }) => word === 'elsewhere' || (follows && route.name === 'table' && route.id === seat);

/** Over the foot of the page when the session is elsewhere; the table says so in its prompt. @param {State} state @param {Act} act */
function banner({ connection: { word }, route }, act) {
  if (word !== 'elsewhere' || route.name === 'table') return null;
  return h('div', { class: 'banner', role: 'alert' },
    h('p', null, words.connection.elsewhereText),
    h('button', { type: 'button', class: 'btn primary', on: { click: act.takeBack } }, words.connection.takeBack));
}

/** Toasts; what is written to a player at a table stands in the messages there. @param {State} state @param {Act} act */
function toasts(state, act) {
  const elsewhere = state.route.name !== 'lobby' ? state.invites.received : [];
  const isSeated = state.route.name === 'table';
  return [
    elsewhere.map((invite) => inviteToast(state, act, invite)),
    state.notices.filter(({ code }) => code !== 'letter' || !isSeated).map((notice) => noticeToast(state, act, notice)),
  ];
}

/** @param {State} state @param {Act} act @param {import('./page.js').Notice} notice */
function noticeToast(state, act, { key, code, name, words: said }) {
  const isLetter = code === 'letter' && name !== null;
  return h('div', { class: 'toast', tabindex: '-1', key: `n${key}` },
    h('p', null, isLetter && [h('b', null, named(name)), ': '], h('bdi', { class: 'theirs' }, said)),
    h('span', { class: 'acts' },
      isLetter && h('button', { type: 'button', class: 'btn small', on: { click: () => answer(act, key, name) } }, words.letters.answer),
      isLetter && blockButton(state, act, name, 'small'),
      h('button', { type: 'button', class: 'btn quiet icon small', 'aria-label': words.close, on: { click: () => act.noticed(key) } }, icon('cross'))));
}

/** A name in a text: cut where it has no room, and whole in its title. @param {string} name */
export const named = (name) => h('bdi', { class: 'name-in', title: name, translate: 'no' }, name);

/** @param {Act} act @param {number} key @param {string | null} name */
function answer(act, key, name) {
  act.noticed(key);
  act.ui('dialog', { kind: 'letters', name });
}

/** @param {State} state @param {Act} act @param {Invite} invite */
function inviteToast(state, act, invite) {
  return h('div', { class: 'toast invite', tabindex: '-1', key: `i${invite.id ?? invite.name}` },
    h('p', null, h('b', null, words.invites.from(invite.name)), ' ',
      h('span', { class: 'muted' }, invite.resume ? words.invites.resume : optionsInWords(invite.options)), ' ',
      h('span', { class: 'muted num left' }, minutes(leftMs(state, invite)))),
    inviteAnswers(state, act, invite));
}

/** Accept and decline, as in a toast and in the lobby; nothing to accept when its time is over. @param {State} state @param {Act} act @param {Invite} invite */
export function inviteAnswers(state, act, invite) {
  const { name, id } = invite;
  const which = id === undefined ? {} : { invite: id };
  return h('div', { class: 'acts' },
    leftMs(state, invite) > 0 && h('button', { type: 'button', key: 'accept', class: 'btn small primary', 'aria-label': words.invites.acceptName(name),
      on: { click: () => told(act, act.ask({ ask: 'accept', from: name, ...which })) } }, words.invites.accept),
    h('button', { type: 'button', key: 'decline', class: 'btn small', 'aria-label': words.invites.declineName(name),
      on: { click: () => told(act, act.ask({ ask: 'decline', from: name, ...which })) } }, words.invites.decline));
}

/** Block or unblock, in a message and on a player's page. @param {State} state @param {Act} act @param {string} name */
export function blockButton(state, act, name, more = '') {
  const isBlocked = state.blocked.includes(name);
  const { block, unblock, blockName, unblockName } = words.letters;
  return h('button', { type: 'button', class: `btn ${isBlocked ? '' : 'danger'} ${more}`, 'aria-label': isBlocked ? unblockName(name) : blockName(name),
    on: { click: () => told(act, act.ask({ ask: isBlocked ? 'unblock' : 'block', name })) } }, isBlocked ? unblock : block);
}

/** What needs attention comes first, on every page. @param {State} state @param {Partial<Screen>} screen */
export function titleOf(state, screen) {
  const waiting = state.invites.received.length;
  const called = isYourTurn(state) ? words.yourTurn : waiting > 0 ? words.invites.waitingTitle(waiting) : null;
  return [called, screen.title?.(state), words.brand].filter(Boolean).join(' · ');
}

/** The icon of the page has a mark while it is the own turn. @param {boolean} isMarked */
export function markIcon(isMarked) {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  const wanted = link?.href.replace(/favicon(-turn)?\.svg$/, isMarked ? 'favicon-turn.svg' : 'favicon.svg');
  if (link && wanted && link.href !== wanted) link.href = wanted;
}

// What is kept in the browser; where storage is blocked it lasts as long as the page.

/** @param {string} key @param {string | null} value */
export function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Blocked.
  }
}

/** @param {string} key */
export function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Kept in the browser: that there was a login, so that screens are loaded before the server has answered. */
const HAD_LOGIN = 'hadLogin';

/** @param {boolean} had */
export const keepLogin = (had) => store(HAD_LOGIN, had ? 'yes' : null);

/** Whether there may be a login: any tab may have found one. */
export function hadLogin() {
  try {
    return localStorage.getItem(HAD_LOGIN) !== null;
  } catch {
    return true;
  }
}

/** @param {string} theme */
export function useTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  store('theme', theme);
}

/** @param {Record<string, boolean>} alerts */
export function keepAlerts(alerts) {
  for (const [name, wanted] of Object.entries(alerts)) store(name, wanted ? 'yes' : null);
}

// What screens share of names, times and answers.

/** The attributes of a field for so many characters, counted as the server does: a browser's own limit counts an emoji twice. @param {number} [most] @param {(text: string) => void} [then] */
export const bounded = (most = 300, then) => ({
  maxlength: 2 * most,
  on: { input: (/** @type {any} */ { target, isComposing }) => {
    const text = isComposing ? target.value : cut(target.value, most);
    if (text !== target.value) target.value = text;
    then?.(text);
  } },
});

/** Which seat the own player has, or had, whatever his name was; none of a game of others. @param {State} state @param {Played} game @returns {Seat | null} */
export function ownSeat({ you }, { names, accounts, you: seat }) {
  const isOwn = (/** @type {Seat} */ which) => (accounts && you?.account ? accounts[which] === you.account : names[which] === you?.name);
  return seat ?? (isOwn('first') ? 'first' : isOwn('second') ? 'second' : null);
}

/** Who plays against the own seat, by the present name where it is known. @param {State} state @param {Played} game */
export const opponentOf = (state, game) => game.opponent ?? (ownSeat(state, game) === 'second' ? game.names.first : game.names.second);

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

/** Reads anew when a guest ends, which comes later once it has played; the browser then keeps its cookie as long. @param {State} state @param {Act} act */
export async function readGuest({ you }, act) {
  if (!you?.guest) return;
  const { ok, data } = await act.get('/api/me');
  if (ok && isSameAccount(data, you)) act.ui('guestEnds', data.expires_ms);
}

/** When a guest ends that does not come back, in words, as far as the server has said. @param {State} state */
export function guestEnds(state) {
  const ends = state.ui.guestEnds ?? state.you?.expires_ms;
  return ends ? deadline(ends, nowMs(state)) : null;
}

/** The server's time, as far as the page knows. @param {State} state */
export const nowMs = ({ ui, offsetMs }) => (ui.nowMs ?? 0) + offsetMs;

/**
 * Waits for an answer, and says so if it is a refusal; tells whether it was done.
 * @param {Act} act
 * @param {Promise<import('./page.js').Answer>} asked
 */
export async function told(act, asked) {
  const said = await asked;
  // What another account had asked is told once for all of it.
  if (said.update === 'refused' && said.code !== 'another_account') act.notice(refusal(said));
  return said.update === 'done';
}
