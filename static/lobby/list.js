// The two lists of the lobby, players and tables: tabs, search, rows, pages.

import { h, icon } from '../render.js';
import { flagStrip, named } from '../shell.js';
import { FIRST_PAGE, PAGE_ROWS, askedOf, queryOf } from '../state.js';
import { number, words } from '../words.js';

/** @import { Act, Shown, State } from '../page.js' */
/** @import { LobbyQuery, PlayerRow, TableRow } from '../protocol.js' */
/** @import { VNode } from '../render.js' */

const said = words.lobby;
/** While somebody types, the server is asked this long after the last key. */
const TYPING_MS = 150;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;

/**
 * Shows another page, or the same one again. A press may come before the page has drawn what the one before changed.
 * @param {Act} act @param {(query: LobbyQuery) => LobbyQuery} [change]
 */
export function ask(act, change) {
  clearTimeout(typing);
  act.ask({ ask: 'lobby', ...askedOf(changed(act, change)) });
}

/** @param {Act} act @param {(query: LobbyQuery) => LobbyQuery} change */
function changed(act, change = (query) => query) {
  let query = FIRST_PAGE;
  act.ui('query', (/** @type {LobbyQuery | undefined} */ newest) => (query = change(newest ?? FIRST_PAGE)));
  return query;
}

/** @param {State} state @param {Act} act */
export function list(state, act) {
  const query = queryOf(state);
  return h('section', { class: 'l-list', 'aria-label': said.lists },
    h('div', { class: 'tabs', role: 'tablist', 'aria-label': said.lists },
      tab(act, query, 'players', said.players, state.lobby?.players), tab(act, query, 'tables', said.tables, state.lobby?.tables)),
    filters(act, query),
    state.shown && rows(state, act, state.shown),
    state.shown && pager(act, state.shown));
}

/** @param {Act} act @param {LobbyQuery} query @param {LobbyQuery['list']} name @param {string} word @param {number | undefined} count */
function tab(act, query, name, word, count) {
  const click = () => ask(act, (newest) => (newest.list === name ? newest : { ...FIRST_PAGE, list: name }));
  return h('button', { type: 'button', role: 'tab', 'aria-selected': String(query.list === name), on: { click } },
    word, ' ', count !== undefined && h('span', { class: 'num muted' }, number(count)));
}

/** @param {Act} act @param {LobbyQuery} query */
function filters(act, query) {
  const toggle = () => ask(act, (newest) => ({ ...newest, free_only: !newest.free_only, page: 0 }));
  return h('div', { class: 'filters' },
    h('div', { class: 'field' }, icon('search'), h('input', { type: 'search', 'aria-label': said.search, placeholder: said.search, maxlength: 20,
      autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', prop: { value: query.search }, on: { input: (event) => search(act, event.target.value) } })),
    query.list === 'players' && h('button', { type: 'button', class: 'pill', 'aria-pressed': String(query.free_only), on: { click: toggle } }, said.freeOnly));
}

/** @param {Act} act @param {string} text */
function search(act, text) {
  changed(act, (newest) => ({ ...newest, search: text, page: 0 }));
  clearTimeout(typing);
  typing = setTimeout(() => ask(act), TYPING_MS);
}

/** The rows; while they are pointed at or focused they keep their places. @param {State} state @param {Act} act @param {Shown} shown */
function rows(state, act, shown) {
  const isPlayers = 'players' in shown.page.rows;
  const hold = () => act.ui('listHeld', true);
  const on = {
    pointerenter: hold,
    // A finger leaves at once, and comes back where it was: only a mouse lets go.
    pointerleave: (/** @type {PointerEvent} */ event) => event.pointerType === 'mouse' && act.ui('listHeld', false),
    focusin: hold,
    focusout: (/** @type {FocusEvent} */ event) => !within(event) && act.ui('listHeld', false),
  };
  const name = said.list(isPlayers ? said.players : said.tables, shown.page.query.page + 1);
  if (shown.rows.length === 0) return h('div', { class: 'people-wrap nothing muted', on }, emptyWords(shown));
  return h('div', { class: 'people-wrap', role: 'region', tabindex: '0', 'aria-label': name, on },
    h('table', { class: `people ${isPlayers ? 'players' : 'tables'}` },
      h('thead', null, h('tr', null, head(isPlayers).map((word, index) => h('th', { scope: 'col', key: index }, word)))),
      h('tbody', null, shown.rows.map(({ row, gone }) => (isPlayers ? playerRow(state, act, row, gone) : tableRow(state, act, row, gone))))),
    isPlayers && shown.page.players === 1 && h('p', { class: 'nothing muted' }, said.alone));
}

/** @param {boolean} isPlayers */
const head = (isPlayers) => [isPlayers ? said.player : said.table, said.now, said.flags, said.action];

/** @param {FocusEvent} event */
const within = ({ currentTarget, relatedTarget }) =>
  currentTarget instanceof Node && relatedTarget instanceof Node && currentTarget.contains(relatedTarget);

/** @param {Shown} shown */
function emptyWords({ page: { query } }) {
  if (query.search) return said.nobody;
  return query.list === 'tables' ? said.noTable : said.nobodyFree;
}

/** @param {State} state @param {Act} act @param {PlayerRow} row @param {boolean} gone */
function playerRow(state, act, row, gone) {
  const { name, guest, table } = row;
  const isYou = name === state.you?.name;
  return h('tr', { tabindex: '-1', key: name, class: gone ? 'is-gone' : null },
    h('th', { scope: 'row', class: 'who' }, h('span', { class: 'row-words' }, h('a', { href: `/player/${name}` }, named(name)),
      isYou && h('span', { class: 'chip' }, said.youHere), guest && !isYou && h('span', { class: 'muted light' }, said.guest))),
    h('td', { class: 'c-st' }, gone ? status('away', said.left) : table ? playing(name, table) : status('free', said.free)),
    h('td', { class: 'c-gm' }, table && !gone && flagStrip(table.flags)),
    h('td', { class: 'c-act' }, !gone && !isYou && h('span', { class: 'acts' }, playerActions(state, act, row))));
}

/** @param {'free' | 'busy' | 'away'} kind @param {string} word */
const status = (kind, word) => h('span', { class: `st is-${kind}` }, icon(kind), word);

/** @param {string} name @param {TableRow} table */
function playing(name, { names, number: count }) {
  const other = names.first === name ? names.second : names.first;
  const against = said.against(other, count);
  return h('span', { class: 'row-words' }, status('busy', said.playing), h('span', { class: 'muted num clip', title: against }, against));
}

/** @param {State} state @param {Act} act @param {PlayerRow} row @returns {(VNode | false)[]} */
function playerActions(state, act, { name, table }) {
  const invited = state.invites.sent.some((invite) => invite.name === name);
  return [
    h('button', { type: 'button', key: 'message', class: 'btn small quiet icon', 'aria-label': said.messageName(name), title: said.messageName(name),
      on: { click: () => act.ui('dialog', { kind: 'letters', name }) } }, icon('msg')),
    table
      ? h('a', { key: 'watch', class: 'btn small main', href: watchPath(state, table.table), 'aria-label': said.watchName(name) },
        state.seat === table.table ? [icon('play'), said.yours] : [icon('eye'), said.watch])
      : h('button', { type: 'button', key: 'invite', class: 'btn small main', disabled: invited || Boolean(state.seat), 'aria-label': said.inviteName(name),
        on: { click: () => act.ui('dialog', { kind: 'invite', name }) } }, invited ? said.invited : said.invite),
  ];
}

/** @param {State} state @param {string} table */
const watchPath = (state, table) => (state.seat === table ? `/table/${table}` : `/watch/${table}`);

/** @param {State} state @param {Act} _act @param {TableRow} row @param {boolean} gone */
function tableRow(state, _act, row, gone) {
  const { names, flags, number: count, watchers, table } = row;
  const both = `${names.first} ${said.versus} ${names.second}`;
  return h('tr', { tabindex: '-1', key: table, class: gone ? 'is-gone' : null },
    h('th', { scope: 'row', class: 'who' }, h('span', { class: 'row-words' }, h('a', { href: `/player/${names.first}` }, named(names.first)),
      h('span', { class: 'muted light' }, said.versus), h('a', { href: `/player/${names.second}` }, named(names.second)))),
    h('td', { class: 'c-st' }, gone ? status('away', said.over) : h('span', { class: 'row-words' }, status('busy', said.move(count)), watchers > 0 &&
      h('span', { class: 'muted num seen' }, icon('eye', said.watchers), number(watchers)))),
    h('td', { class: 'c-gm' }, flagStrip(flags)),
    h('td', { class: 'c-act' }, !gone && h('span', { class: 'acts' },
      h('a', { class: 'btn small main', href: watchPath(state, table), 'aria-label': said.watchName(both) },
        state.seat === table ? [icon('play'), said.yours] : [icon('eye'), said.watch]))));
}

/** @param {Act} act @param {Shown} shown */
function pager(act, { page, rows: { length }, changes }) {
  const at = page.query.page;
  const last = Math.max(0, Math.ceil(page.matching / PAGE_ROWS) - 1);
  const from = at * PAGE_ROWS + 1;
  const to = (/** @type {number} */ index) => ask(act, (newest) => ({ ...newest, page: index }));
  const step = (/** @type {string} */ sign, /** @type {string} */ label, /** @type {number} */ index) =>
    h('button', { type: 'button', class: 'btn', 'aria-label': label, disabled: index < 0 || index > last, on: { click: () => to(index) } }, icon(sign));
  return h('nav', { class: 'pager', tabindex: '-1', 'aria-label': said.pages },
    h('span', { class: 'muted grow num' }, length > 0 && said.range(from, Math.min(page.matching, from + PAGE_ROWS - 1), page.matching)),
    changes > 0 && h('button', { type: 'button', class: 'btn changes', on: { click: () => act.ui('listHeld', false) } }, said.changes(changes)),
    last > 0 && [step('left', said.before, at - 1), pageNumbers(at, last).map((index, place) => (index === null
      ? h('span', { key: `gap${place}`, class: 'pg muted' }, '…')
      : h('button', { type: 'button', key: index, class: 'btn pg num', 'aria-label': said.page(index + 1), 'aria-current': index === at ? 'page' : null,
        on: { click: () => to(index) } }, number(index + 1)))), step('right', said.next, at + 1)]);
}

/** The pages to choose from: the ends, and those around this one; `null` stands for those left out. @param {number} at @param {number} last */
export function pageNumbers(at, last) {
  const wanted = [0, at - 1, at, at + 1, last].filter((index) => index >= 0 && index <= last);
  const sorted = [...new Set(wanted)].sort((a, b) => a - b);
  return sorted.flatMap((index, place) => (place > 0 && index - (sorted[place - 1] ?? 0) > 1 ? [null, index] : [index]));
}

