// Beside the lists: invites, messages, and the own saved and finished games.

import { h, icon } from '../render.js';
import { flagStrip, inviteAnswers, leftMs, named, nowMs, opponentOf, ownSeat, told } from '../shell.js';
import { ago, deadline, minutes, optionsInWords, words } from '../words.js';

/** @import { Act, State } from '../page.js' */
/** @import { GameRow, Invite } from '../protocol.js' */

/** @param {State} state @param {Act} act */
export function inbox(state, act) {
  return h('aside', { class: 'l-inbox' }, invites(state, act), letters(state, act), games(state, act));
}

/** @param {State} state @param {Act} act */
function invites(state, act) {
  const { received, sent } = state.invites;
  const waiting = received.length > 0 && h('span', { class: 'badge' }, received.length, h('span', { class: 'vh' }, ` ${words.invites.waiting}`));
  return h('section', { class: 'box invites', 'aria-label': words.invites.title },
    h('h2', { tabindex: '-1' }, words.invites.title, waiting),
    received.length + sent.length === 0 && h('p', { class: 'muted' }, words.invites.none),
    received.map((invite) => receivedInvite(state, act, invite)),
    sent.map((invite) => sentInvite(state, act, invite)));
}

/** @param {State} state @param {Act} act @param {Invite} invite */
function receivedInvite(state, act, invite) {
  return h('div', { class: 'inv', tabindex: '-1', key: `from ${invite.id ?? invite.name}` },
    h('p', null, h('b', null, named(invite.name)), ' ', h('span', { class: 'muted num' }, minutes(leftMs(state, invite))), h('br'),
      h('span', { class: 'muted' }, contents(invite))),
    inviteAnswers(state, act, invite));
}

/** @param {Invite} invite */
const contents = ({ resume, options }) => (resume ? words.invites.resume : optionsInWords(options));

/** @param {State} state @param {Act} act @param {Invite} invite */
function sentInvite(state, act, invite) {
  const left = leftMs(state, invite);
  const part = Math.round(left / 10 / (state.limits?.invite_secs ?? 1));
  const retract = () => told(act, act.ask({ ask: 'withdraw', to: invite.name, ...(invite.id === undefined ? {} : { invite: invite.id }) }));
  return h('div', { class: 'inv', tabindex: '-1', key: `to ${invite.id ?? invite.name}` },
    h('p', null, words.invites.to, ' ', h('b', null, named(invite.name)), ' ', h('span', { class: 'muted num' }, words.invites.left(minutes(left))), h('br'),
      h('span', { class: 'muted' }, contents(invite))),
    h('div', { class: 'bar', role: 'progressbar', 'aria-label': words.invites.timeLeft, 'aria-valuenow': part, 'aria-valuemin': 0, 'aria-valuemax': 100 },
      h('i', { style: { width: `${part}%` } })),
    h('div', { class: 'acts' },
      h('button', { type: 'button', class: 'btn small', 'aria-label': words.invites.retractName(invite.name), on: { click: retract } }, words.invites.retract)));
}

/** Who wrote last, newest first. @param {State} state @param {Act} act */
function letters(state, act) {
  if (state.letters.length === 0) return null;
  const own = state.you?.name;
  const latest = new Map(state.letters.map((letter) => [letter.from === own ? letter.to ?? '' : letter.from, letter]));
  return h('section', { class: 'box letters', 'aria-label': words.letters.title },
    h('h2', null, words.letters.title),
    [...latest].reverse().slice(0, 5).map(([name, letter]) => h('button', { type: 'button', class: 'letter', key: name,
      on: { click: () => act.ui('dialog', { kind: 'letters', name }) } }, h('b', null, named(name)), h('bdi', { class: 'muted clip' }, letter.text))));
}

/** @param {State} state @param {Act} act */
function games(state, act) {
  const { saved, finished, finished_unknown: unknown } = state.games;
  return h('section', { class: 'box games', 'aria-label': words.games.title },
    h('h2', { tabindex: '-1' }, words.games.title),
    saved.length + finished.length === 0 && !unknown && h('p', { class: 'muted' }, words.games.none),
    saved.map((game) => savedGame(state, act, game)),
    unknown && h('p', { class: 'muted' }, words.games.unknown),
    finished.map((game) => finishedGame(state, act, game)));
}

/** @param {State} state @param {Act} act @param {GameRow} game */
function savedGame(state, act, game) {
  const other = opponentOf(state, game);
  const own = ownSeat(state, game) ?? 'first';
  return h('div', { class: 'inv', tabindex: '-1', key: game.table },
    h('p', null, h('b', null, named(other)), ' ', h('span', { class: 'muted' }, words.lobby.move(game.number)), ' ', game.turn === own && h('span', { class: 'chip' }, words.games.yourTurn), h('br'),
      flagStrip(game.flags, own), ' ', h('span', { class: 'muted' }, savedWhen(state, game))),
    h('div', { class: 'acts' }, savedActs(state, act, game, 'small')));
}

/** Whether the other player's account is gone, where the server says who is who. @param {GameRow} game */
const isGone = (game) => Boolean(game.you) && !game.opponent;

/** When a game was saved, how long it is kept, and whether nobody can go on with it. @param {State} state @param {GameRow} game */
export function savedWhen(state, game) {
  const { last_ms: lastMs, expires_ms: endsMs } = game;
  const kept = endsMs && words.games.keptUntil(deadline(endsMs, nowMs(state)));
  return [words.games.savedAgo(ago(lastMs, nowMs(state))), kept, isGone(game) && words.games.gone].filter(Boolean).join(', ');
}

/** What can be done with a saved game: go on with it, or drop it. @param {State} state @param {Act} act @param {GameRow} game @param {string} [more] @param {() => void} [then] */
export function savedActs(state, act, game, more = '', then = () => {}) {
  const { table } = game;
  const canRun = !isGone(game);
  const other = opponentOf(state, game);
  const isInvited = state.invites.sent.some(({ resume }) => resume === table);
  const resume = () => told(act, act.ask({ ask: 'invite', to: other, resume: table }));
  const run = async () => {
    if (await told(act, act.ask({ ask: 'drop_saved', table }))) then();
  };
  const drop = () => act.ui('dialog', { kind: 'confirm', title: words.games.dropTitle(other), text: canRun ? words.games.dropText(other) : words.games.dropGone, yes: words.games.dropYes, danger: true, run });
  return [
    canRun && h('button', { type: 'button', key: 'resume', class: `btn primary ${more}`, disabled: isInvited || Boolean(state.seat), 'aria-label': words.games.resumeName(other),
      on: { click: resume } }, isInvited ? words.lobby.invited : words.games.resume),
    h('button', { type: 'button', key: 'drop', class: `btn ${more}`, 'aria-label': words.games.dropName(other), on: { click: drop } }, words.games.drop),
  ];
}

/** @param {State} state @param {Act} act @param {GameRow} game */
function finishedGame(state, act, game) {
  const other = opponentOf(state, game);
  const own = ownSeat(state, game) ?? 'first';
  return h('div', { class: 'inv', tabindex: '-1', key: game.table },
    h('p', null, h('b', null, named(other)), ' ', h('span', { class: 'muted' }, words.games.finishedAgo(ago(game.last_ms, nowMs(state)))), h('br'),
      flagStrip(game.flags, own), ' ', h('span', { class: 'muted' }, result(game, own))),
    h('div', { class: 'acts' },
      h('a', { class: 'btn small', href: `/game/${game.table}`, 'aria-label': words.games.replayName(other) }, icon('play'), words.games.replay),
      !isGone(game) && h('button', { type: 'button', class: 'btn small', disabled: Boolean(state.seat), 'aria-label': words.games.rematchName(other),
        on: { click: () => act.ui('dialog', { kind: 'invite', name: other }) } }, words.games.rematch)));
}

/** @param {GameRow} game @param {'first' | 'second'} own */
function result({ flags, ending }, own) {
  const count = (/** @type {string} */ sign) => [...flags].filter((owner) => owner === sign).length;
  const [mine, theirs] = own === 'first' ? [count('1'), count('2')] : [count('2'), count('1')];
  if (!ending?.winner) return words.games.drawn(mine, theirs);
  const won = ending.winner === own;
  if (['resignation', 'absence'].includes(ending.reason)) return words.games.byReason(won, words.games.reasons[ending.reason] ?? '');
  return won ? words.games.won(mine, theirs) : words.games.lost(mine, theirs);
}
