// The address of a table that is not played at: how its game ended, or that it was saved, or that there is none. Loaded when
// first needed.

import { h, icon } from '../render.js';
import { savedActs, savedWhen } from '../lobby/inbox.js';
import { named, opponentOf, ownSeat, told } from '../shell.js';
import { tableWords as words, words as site } from '../words.js';
import { line } from './board.js';
import { endingWords, lastLaid } from './turn.js';

/** @import { Act, State } from '../page.js' */
/** @import { GameRow } from '../protocol.js' */

/** Finds out what became of a table, and keeps it in `ui.over`. @param {State} state @param {Act} act */
export async function find(state, act) {
  const { id, name } = state.route;
  if (state.ui.over?.id === id) return;
  act.ui('over', { id, game: null, isKnown: false });
  if (savedGame(state)) return act.ui('over', { id, game: null, isKnown: true });
  const { ok, status, data } = await act.get(`/api/game/${encodeURIComponent(id)}?views=last`);
  if (ok) return act.ui('over', { id, game: data, isKnown: true });
  if (status !== 404) return act.ui('over', { id, game: null, isKnown: true, failed: true });
  // Others may play there.
  const mayWatch = name === 'table' && (await act.ask({ ask: 'watch', table: id })).update === 'done';
  if (mayWatch) act.redirect(`/watch/${id}`);
  else act.ui('over', { id, game: null, isKnown: true });
}

/** @param {State} state @returns {GameRow | undefined} */
const savedGame = ({ games, route }) => games.saved.find(({ table }) => table === route.id);

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  const { over } = state.ui;
  const saved = savedGame(state);
  if (saved) return savedPage(state, act, saved);
  if (over?.id !== state.route.id || !over.isKnown) return h('p', { class: 'loading muted' }, words.loading);
  if (over.game) return finishedPage(state, act, over.game);
  return page(over.failed ? site.broken : words.noGame, over.failed ? site.refused.unreachable : words.noGameWhy,
    over.failed ? h('button', { type: 'button', class: 'btn primary', on: { click: () => act.ui('over', null) } }, site.again) : null);
}

/** @param {string} title @param {import('../render.js').Child} text @param {import('../render.js').Child} acts @param {import('../render.js').Child} [board] */
const page = (title, text, acts, board) => h('div', { class: 'paper stack over' },
  h('h1', null, title), h('p', null, text), board,
  h('div', { class: 'acts', tabindex: '-1' }, acts, h('a', { class: 'btn', href: '/' }, words.toLobby)));

/** @param {State} state @param {Act} act @param {GameRow} game */
function savedPage(state, act, game) {
  const other = opponentOf(state, game);
  const turn = !game.turn ? '' : game.turn === ownSeat(state, game) ? ` ${site.games.yourTurn}.` : ` ${site.games.theirTurn(other)}.`;
  return page(words.stopped, [words.savedWith, ' ', named(other), `, ${savedWhen(state, game)}.${turn}`], savedActs(state, act, game, '', () => act.go('/')));
}

/** @param {State} state @param {Act} act @param {any} game as the server gives finished ones */
function finishedPage(state, act, game) {
  const { names, ending, table, views, log, options } = game;
  const own = ownSeat(state, game);
  const near = own ?? 'first';
  const other = opponentOf(state, state.games.finished.find((row) => row.table === table) ?? game);
  const isInvited = state.invites.sent.some(({ name }) => name === other);
  const again = async () => {
    if (await told(act, act.ask({ ask: 'invite', to: other, options }))) act.notice(words.invited(other));
  };
  return page(endingWords(ending, names, own), [named(names.first), ' – ', named(names.second)],
    [own ? h('button', { type: 'button', class: 'btn primary', disabled: isInvited || Boolean(state.seat), on: { click: again } }, isInvited ? words.invited(other) : words.again) : null,
      h('a', { class: 'btn', href: `/game/${table}` }, icon('play'), words.replay)],
    h('div', { class: 'over-board' }, line({
      flags: views[views.length - 1].flags, near, viewer: own ?? 'watcher', names, last: lastLaid(log), staged: null, picked: null, chosen: null,
      targets: [], legal: [], claims: [], provable: [],
    })));
}
