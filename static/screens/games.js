// The latest finished games, and what other pages share of lists of finished games.

import { h, icon } from '../render.js';
import { flagStrip, named, nowMs } from '../shell.js';
import { ago, words } from '../words.js';

/** @import { Act, State } from '../page.js' */
/** @import { GameRow } from '../protocol.js' */

/** A page of a list over HTTP, as kept in `ui.read`. @typedef {{ path: string, page: number, data: any, refused: any }} Read */

const PATH = '/api/games';

export const title = () => words.archive.title;

/** @param {State} _state @param {Act} act */
export function enter(_state, act) {
  loadPage(act, PATH, 0);
}

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  const { read } = state.ui;
  return h('div', { class: 'paper' },
    h('header', null, h('h1', null, words.archive.title)),
    h('p', { class: 'muted' }, words.archive.intro),
    !read || read.path !== PATH ? h('p', { class: 'muted' }, words.loading)
      : read.data ? [gameList(read.data.games, words.archive.none, nowMs(state)), morePages(read, (page) => loadPage(act, PATH, page))]
        : h('p', { class: 'bad' }, words.broken));
}

/** Reads a page of a list and keeps it in `ui.read`. @param {Act} act @param {string} path @param {number} page */
export async function loadPage(act, path, page) {
  const { ok, data } = await act.get(`${path}?page=${page}`);
  act.ui('read', { path, page, data: ok ? data : null, refused: ok ? null : data });
}

/** @param {GameRow[]} games @param {string} none @param {number} [now] */
export function gameList(games, none, now = Date.now()) {
  if (games.length === 0) return h('p', { class: 'muted' }, none);
  return h('ul', { class: 'box game-list' }, games.map((game) => gameRow(game, now)));
}

/** @param {GameRow} game @param {number} now */
function gameRow({ table, names, flags, ending, last_ms: lastMs, ...row }, now) {
  const accounts = row.accounts ?? names;
  return h('li', { class: 'game-row', key: table },
    h('p', null, h('a', { href: `/player/${accounts.first}` }, named(names.first)), h('span', { class: 'muted' }, ` ${words.lobby.versus} `),
      h('a', { href: `/player/${accounts.second}` }, named(names.second)), h('br'),
      h('span', { class: 'muted' }, ending && endingInWords(ending, names), ' · ', ago(lastMs, now))),
    flagStrip(flags),
    h('a', { class: 'btn', href: `/game/${table}`, 'aria-label': words.archive.replay(names.first, names.second) }, icon('play'), words.games.replay));
}

/** @param {import('../protocol.js').Ending} ending @param {import('../protocol.js').BySeat<string>} names */
function endingInWords({ winner, reason }, names) {
  const by = words.games.reasons[reason] ?? reason;
  return winner ? words.games.wonBy(names[winner], by) : words.games.drawBy(by);
}

/** @param {Read} read @param {(page: number) => void} show */
export function morePages({ page, data }, show) {
  if (page === 0 && !data.more) return null;
  return h('nav', { class: 'pages', tabindex: '-1', 'aria-label': words.lobby.pages },
    h('button', { type: 'button', class: 'btn', disabled: page === 0, on: { click: () => show(page - 1) } }, icon('left'), words.archive.newer),
    h('button', { type: 'button', class: 'btn', disabled: !data.more, on: { click: () => show(page + 1) } }, words.archive.older, icon('right')));
}
