// The lobby: who is here and what is played, invites, and the own games.

import { inbox } from '../lobby/inbox.js';
import { ask, list } from '../lobby/list.js';
import { h, icon } from '../render.js';
import { guestEnds, opponentOf, readGuest } from '../shell.js';
import { isShowing } from '../state.js';
import { words } from '../words.js';

/** @import { Act, State } from '../page.js' */

export const title = () => words.lobby.title;

/** Seconds after which this tab asks for its page again when another tab's is shown: each has its turn for as long. */
const TURN_TICKS = 2;
let ticks = 0;

/** Asks for the page that was looked at last. @param {State} state @param {Act} act */
export function enter(state, act) {
  if (state.you) ask(act);
  readGuest(state, act);
}

/** Tabs of one session that show different pages of the lobby take turns. @param {State} state @param {Act} act */
export function tick(state, act) {
  const isOut = document.visibilityState === 'visible' && state.connection.word === 'connected' && !isShowing(state);
  ticks = isOut ? ticks + 1 : 0;
  if (ticks < TURN_TICKS) return;
  ticks = 0;
  ask(act);
}

/** @param {State} state @param {Act} act */
export function leave(state, act) {
  act.ui('listHeld', false);
  if (state.you) act.ask({ ask: 'leave_lobby' });
}

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  return h('div', { class: 'lobby' },
    h('h1', { class: 'vh' }, words.lobby.title),
    ownTable(state),
    guest(state),
    list(state, act),
    inbox(state, act));
}

/** A guest is told in time that it is forgotten one day. @param {State} state */
function guest(state) {
  const { you } = state;
  if (!you?.guest) return null;
  return h('div', { class: 'box own-table guest-note' },
    h('p', null, words.lobby.guestWarning(you.name), ' ', words.accountPage.guestEnds(guestEnds(state))), h('a', { class: 'btn', href: '/account' }, words.lobby.keepGuest));
}

/** The way back to a running game. @param {State} state */
function ownTable(state) {
  const table = state.seat ? state.tables[state.seat] : null;
  if (!table) return null;
  return h('div', { class: 'box own-table' },
    h('p', null, words.lobby.playingNow(opponentOf(state, { names: table.names, you: table.view.viewer === 'second' ? 'second' : 'first' }))),
    h('a', { class: 'btn primary', href: `/table/${table.table}` }, icon('play'), words.lobby.backToTable));
}
