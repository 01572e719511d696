// The replay of a finished game: every move forth and back, both hands open, and the proof that the decks were fixed before it.

import { h, icon } from '../render.js';
import { ownSeat } from '../shell.js';
import { deckButtons, line, panels, recordWords, seatBar, seatWords, side } from '../table/board.js';
import { cardName, endingWords, lastLaid, other } from '../table/turn.js';
import { day, minutes, optionsInWords, refusal, tableWords as words, timeOfDay, words as site } from '../words.js';

/** @import { Act, State } from '../page.js' */
/** @import { LogLine, Seat, View } from '../protocol.js' */

/**
 * A finished game as the server gives it.
 * @typedef {{ table: string, names: import('../protocol.js').BySeat<string>, options: import('../protocol.js').TableOptions, commitment: string,
 *   started_ms: number, ended_ms: number, ending: import('../protocol.js').Ending, entries: { record: string, time_ms: number }[],
 *   views: (View | undefined)[], log: LogLine[], accounts: import('../protocol.js').BySeat<string> }} Game
 */

/** @type {{ state: State, act: Act } | null} */
let latest = null;

/** Views that are fetched together: as many as the server gives at once, far more than most games have. */
const VIEWS_AT_ONCE = 400;
/** From which records on views of the game were asked for. @type {Set<number>} */
const asked = new Set();

/** @param {State} state @returns {{ id: string, game: Game | null, failed: any } | null} */
const gameOf = (state) => (state.ui.replay?.id === state.route.id ? state.ui.replay : null);

/** @param {Game} game @param {number} number */
const within = ({ log }, number) => Math.min(Math.max(number, 0), log.length);

/** The record that is shown, from 0 to the last. @param {Pick<State, 'ui'>} state @param {Game} game */
const atOf = ({ ui }, game) => within(game, ui.replayAt ?? game.log.length);

/** @param {State} state */
export const title = (state) => {
  const game = gameOf(state)?.game;
  return game ? `${words.replay}: ${game.names.first} – ${game.names.second}` : words.replay;
};

export const word = () => ({ text: words.replayWord, kind: 'quiet' });

/** @param {State} state */
export const bar = (state) => {
  const game = gameOf(state)?.game;
  return h('div', { class: 'table-bar' },
    h('a', { class: 'btn quiet', href: '/games' }, icon('left'), words.games),
    h('span', { class: 'muted clip desk-only' }, game ? optionsInWords(game.options) : ''), h('span', { class: 'grow' }));
};

/** @param {State} state @param {Act} act */
export async function enter(state, act) {
  document.addEventListener('keydown', onKey);
  addEventListener('popstate', fromAddress);
  const { id } = state.route;
  if (gameOf(state)) return;
  act.ui('replayAt', inAddress());
  act.ui('replay', { id, game: null, failed: null });
  const { ok, data } = await act.get(`/api/game/${encodeURIComponent(id)}`);
  if (!ok) return act.ui('replay', { id, game: null, failed: data });
  act.ui('replay', { id, game: data, failed: null });
  fetchViews(act, data, inAddress() ?? Infinity);
  act.ui('replayProof', await proofOf(data));
}

/** @param {State} _state @param {Act} act */
export function leave(_state, act) {
  document.removeEventListener('keydown', onKey);
  removeEventListener('popstate', fromAddress);
  asked.clear();
  for (const part of ['replay', 'replayAt', 'replayProof', 'replayFailed', 'drawer']) act.ui(part, null);
}

/** Whether the first record's text has the hash that was shown before the first move. @param {Game} game @returns {Promise<'right' | 'wrong' | 'unable'>} */
async function proofOf(game) {
  // Browsers give hashes only to pages from this machine or over https.
  if (!globalThis.crypto?.subtle) return 'unable';
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(game.entries[0].record));
  const hex = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex === game.commitment ? 'right' : 'wrong';
}

// ---- stepping --------------------------------------------------------------------------------------------------------

/** The record in the address, if there is one. */
function inAddress() {
  const text = new URLSearchParams(location.search).get('move');
  return text === null ? null : Number(text) || 0;
}

/** Shows another record, counted from the newest one, which may not be drawn yet. @param {Act} act @param {Game} game @param {(at: number) => number} to */
function goTo(act, game, to) {
  let number = 0;
  act.ui('replayAt', (/** @type {number | null | undefined} */ at) => (number = within(game, to(atOf({ ui: { replayAt: at } }, game)))));
  history.replaceState(null, '', `/game/${game.table}?move=${number}`);
  fetchViews(act, game, number);
}

function fromAddress() {
  const game = latest && gameOf(latest.state)?.game;
  if (!latest || !game) return;
  latest.act.ui('replayAt', inAddress());
  fetchViews(latest.act, game, inAddress() ?? Infinity);
}

/** Fetches what a record shows of a long game, and what it changed, unless it is here. @param {Act} act @param {Game} game @param {number} number */
function fetchViews(act, game, number) {
  const at = within(game, number);
  for (const place of [at, Math.max(at - 1, 0)]) {
    const from = place - place % VIEWS_AT_ONCE;
    if (!game.views[place] && !asked.has(from)) fetchFrom(act, game, from);
  }
}

/** @param {Act} act @param {Game} game @param {number} from */
async function fetchFrom(act, { table }, from) {
  asked.add(from);
  act.ui('replayFailed', null);
  const { ok, data } = await act.get(`/api/game/${encodeURIComponent(table)}?views=${from}-${from + VIEWS_AT_ONCE - 1}`);
  if (!ok) {
    asked.delete(from);
    return act.ui('replayFailed', data);
  }
  act.ui('replay', (/** @type {any} */ now) => {
    if (now?.id !== table || !now.game) return now;
    const views = [...now.game.views];
    data.views.forEach((/** @type {View} */ view, /** @type {number} */ index) => (views[(data.views_from ?? 0) + index] = view));
    return { ...now, game: { ...now.game, views } };
  });
}

/** @type {Record<string, number>} */
const KEYS = { ',': -1, '.': 1, ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

/** @param {KeyboardEvent} event */
function onKey(event) {
  const by = KEYS[event.key];
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey || !latest) return;
  const { state, act } = latest;
  const game = gameOf(state)?.game;
  if (!game) return;
  // The slider moves by the same keys.
  event.preventDefault();
  goTo(act, game, (at) => at + by);
}

// ---- drawing ---------------------------------------------------------------------------------------------------------

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  latest = { state, act };
  const found = gameOf(state);
  if (found?.failed) {
    return h('div', { class: 'paper narrow stack' }, h('h1', null, words.noReplay), h('p', null, found.failed.words ?? ''),
      h('p', null, h('a', { class: 'btn primary', href: '/games' }, words.games)));
  }
  if (!found?.game) return h('p', { class: 'loading muted' }, words.loadingReplay);
  return replay(state, act, found.game);
}

/** @param {State} state @param {Act} act @param {Game} game */
function replay(state, act, game) {
  const at = atOf(state, game);
  // Of a long game the views are fetched as they are needed: until one is here, the nearest before it is shown.
  const view = game.views[at] ?? /** @type {View} */ (game.views.findLast((view, number) => view && number < at));
  /** @type {Seat} */
  const near = ownSeat(state, game) ?? 'first';
  const go = (/** @type {(at: number) => number} */ to) => goTo(act, game, to);
  const model = /** @type {any} */ ({ table: { ...game, view }, near, talk: [], draft: '', mayTalk: false, limit: 0, fresh: 0, drawer: state.ui.drawer ?? null, at, onRecord: (/** @type {number} */ number) => go(() => number) });
  return h('div', { class: 'table-app replay', 'data-table': game.table, 'data-tip': at + 1, 'data-phase': view.phase },
    h('h1', { class: 'vh' }, title(state)),
    board(state, game, view, at, near, go),
    side(model, act, facts(state, game)), panels(model, act));
}

/** @param {State} state @param {Game} game @param {View} view @param {number} at @param {Seat} near @param {(to: (at: number) => number) => void} go */
function board(state, game, view, at, near, go) {
  const far = other(near);
  const seat = (/** @type {Seat} */ which) => ({
    name: game.names[which], here: true, tactics: view.tactics_played[which], turn: view.turn === which,
    flags: view.flags.filter(({ owner }) => owner === which).length,
  });
  return h('div', { class: 'board watched' },
    h('div', { class: 'far' }, seatBar({ ...seat(far), hand: view.hands[far] })),
    line({
      flags: view.flags, near, viewer: 'watcher', names: game.names, last: lastLaid(game.log.slice(0, at)), staged: null, picked: null,
      chosen: null, targets: [], legal: [], claims: [], provable: [],
    }),
    scrubber(state, game, at, go),
    h('section', { class: 'foot', 'aria-label': game.names[near] },
      h('div', { class: `me ${view.turn === near ? 'turn' : ''}` }, seatWords(seat(near))),
      h('div', { class: 'hand-backs' }, seatBar({ ...seat(near), hand: view.hands[near] })),
      deckButtons({ decks: view.decks, legal: [], tactics: game.options.rules.tactics === 'on' })));
}

/** Records of which the words of the ending say it all. */
const ENDS = new Set(['resign', 'absent']);

/** @param {State} state @param {Game} game @param {number} at */
function saidAt({ ui }, { log, names, ending, views }, at) {
  if (!views[at]) return ui.replayFailed ? refusal(ui.replayFailed) : words.loadingReplay;
  if (at === 0) return words.dealt;
  const { seat, text } = log[at - 1];
  const end = at === log.length && ending ? endingWords(ending, names, null) : '';
  if (end && ENDS.has(text)) return end;
  const had = views[at - 1]?.hands[seat].cards;
  const drawn = had && text.startsWith('draw ') && views[at].hands[seat].cards?.find((code) => !had.includes(code));
  const said = `${names[seat]}: ${drawn ? words.records.drawn(cardName(drawn)) : recordWords(text)}`;
  return end ? `${said}. ${end}` : said;
}

/** @param {State} state @param {Game} game @param {number} at @param {(to: (at: number) => number) => void} go */
function scrubber(state, game, at, go) {
  const last = game.log.length;
  const said = saidAt(state, game, at);
  const step = (/** @type {string} */ label, /** @type {string} */ symbol, /** @type {number} */ by) => h('button', {
    type: 'button', class: 'btn icon', 'aria-label': label, disabled: within(game, at + by) === at, on: { click: () => go((now) => now + by) },
  }, icon(symbol));
  return h('section', { class: 'prompt', 'aria-label': words.replay },
    h('p', { class: 'say', role: 'status', title: said }, said),
    h('div', { class: 'scrub', tabindex: '-1' },
      step(words.firstMove, 'first', -Infinity), step(words.moveBack, 'left', -1), step(words.moveOn, 'right', 1), step(words.lastMove, 'lastp', Infinity),
      state.ui.replayFailed && !game.views[at] ? h('button', { type: 'button', class: 'btn grow', on: { click: () => go(() => at) } }, site.again) : h('input', {
        type: 'range', min: 0, max: last, step: 1, 'aria-label': words.move, 'aria-valuetext': said, prop: { value: String(at) },
        on: { input: (/** @type {any} */ event) => go(() => Number(event.target.value)) },
      }),
      h('span', { class: 'num muted' }, `${at} / ${last}`)));
}

/** @param {State} state @param {Game} game */
function facts({ ui }, game) {
  const proof = /** @type {'right' | 'wrong' | 'unable' | null} */ (ui.replayProof);
  return h('section', { key: 'facts', class: 'pane pane-facts', tabindex: '-1' },
    h('h2', null, endingWords(game.ending, game.names, null)),
    h('dl', { class: 'facts' },
      h('dt', null, words.players), h('dd', null,
        h('a', { href: `/player/${game.accounts.first}` }, game.names.first), ' – ',
        h('a', { href: `/player/${game.accounts.second}` }, game.names.second)),
      h('dt', null, words.since), h('dd', null, `${day(game.started_ms)}, ${timeOfDay(game.started_ms)}, ${minutes(game.ended_ms - game.started_ms)}`),
      h('dt', null, words.options), h('dd', null, optionsInWords(game.options)),
      h('dt', null, words.commitment), h('dd', { class: 'hash' }, game.commitment),
      proof ? h('dd', { class: `proved ${proof}` }, icon(proof === 'right' ? 'check' : 'warn'), ' ', words.proofs[proof]) : null));
}
