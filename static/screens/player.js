// A player: since when, whether online, and the finished games, page by page.

import { gameList, loadPage, morePages } from './games.js';
import { h, icon } from '../render.js';
import { blockButton, nowMs } from '../shell.js';
import { isSameAccount } from '../state.js';
import { day, words } from '../words.js';

/** @import { Act, State } from '../page.js' */

/** @param {State} state */
export const title = ({ route, ui }) => ui.read?.data?.name ?? route.id;

/** @param {State} state @param {Act} act */
export function enter(state, act) {
  load(state, act, 0);
}

/** @param {State} state @param {Act} act @param {number} page */
const load = (state, act, page) => loadPage(act, `/api/player/${encodeURIComponent(state.route.id)}`, page);

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  const { read } = state.ui;
  const name = state.route.id;
  if (!read || !read.path.endsWith(`/${encodeURIComponent(name)}`)) return h('p', { class: 'loading muted' }, words.loading);
  if (!read.data) return missing(read.refused);
  const isOwn = isSameAccount(state.you, read.data);
  // When the own page was read, the session may not have been open yet.
  const data = isOwn && state.connection.word === 'connected' ? { ...read.data, online: true } : read.data;
  return h('div', { class: 'paper' },
    h('header', null, h('h1', null, data.name), state.you && !isOwn && actions(state, act, data)),
    h('p', { class: 'player-facts muted' },
      h('span', { class: `st is-${data.online ? 'free' : 'away'}` }, icon(data.online ? 'free' : 'away'), data.online ? words.player.online : words.player.offline),
      h('span', null, data.guest ? words.player.guestSince(day(data.since_ms)) : words.player.since(day(data.since_ms)))),
    h('h2', null, words.player.games),
    gameList(data.games, words.player.none, nowMs(state)),
    morePages(read, (page) => load(state, act, page)));
}

/** @param {{ code?: string }} refused */
const missing = (refused) => h('div', { class: 'paper narrow' },
  h('h1', null, refused.code === 'nobody' ? words.player.nobody : refused.code === 'deleted' ? words.player.deleted : words.broken), h('p', null, h('a', { class: 'btn', href: '/' }, words.nav.lobby)));

/** @param {State} state @param {Act} act @param {{ name: string, online: boolean }} player */
function actions(state, act, { name, online }) {
  const open = (/** @type {string} */ kind) => () => act.ui('dialog', { kind, name });
  return h('div', { class: 'acts' },
    online && h('button', { type: 'button', class: 'btn primary', disabled: Boolean(state.seat), 'aria-label': words.lobby.inviteName(name), on: { click: open('invite') } }, words.lobby.invite),
    online && h('button', { type: 'button', class: 'btn', 'aria-label': words.lobby.messageName(name), on: { click: open('letters') } }, words.lobby.message),
    blockButton(state, act, name));
}
