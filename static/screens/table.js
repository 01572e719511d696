// The table: a seat plays here, and a watcher watches; draws what the view says and sends what was chosen.

import { drag, h, icon } from '../render.js';
import { nowMs, told } from '../shell.js';
import { arrange, cardName, cardNames, deckButtons, endingWords, hand, line, panels, seatBar, seatWords, side } from '../table/board.js';
import * as play from '../table/turn.js';
import { minutes, optionsInWords, refusal, tableWords as words } from '../words.js';

/** @import { Act, Deck, Seat, State, TableView, View } from '../protocol.js' */

/** @typedef {import('../table/turn.js').Turn & { sent: boolean }} Turn what is chosen, and whether it is on its way */

/** The newest state and what may be done, for what happens between drawings. @type {{ state: State, act: Act } | null} */
let latest = null;
/** Loaded when first needed. @type {any} */
let boxes = null;

// ---- what the screen is about ----------------------------------------------------------------------------------------

/** @param {State} state */
const tableOf = (state) => state.tables[state.route.id];

/**
 * What the seat has chosen at this tip; choices made at an earlier one are gone. While another window plays, it is as if
 * a move were on its way: everything is shown, and nothing can be chosen.
 * @param {State} state
 * @param {TableView} table
 * @returns {Turn}
 */
function turnOf({ ui: { turn }, connection }, table) {
  const stands = turn && turn.table === table.table && turn.hash === table.tip.hash;
  const chosen = stands ? turn : { ...play.NOTHING, sent: false };
  return connection.word === 'elsewhere' ? { ...chosen, sent: true } : chosen;
}

/** The view, without choices once the table is closed. @param {State} state @param {TableView} table */
const usable = (state, { view, stopped, table }) => (stopped || table in state.closed ? { ...view, choices: null } : view);

/** @param {State} state */
export const title = (state) => {
  const table = tableOf(state);
  if (!table) return words.table;
  const { names, view } = table;
  const whose = view.turn && view.turn === view.viewer ? `${words.yourTurn} · ` : '';
  return `${whose}${names.first} – ${names.second}`;
};

/** @param {State} state */
export function word(state) {
  const table = tableOf(state);
  if (!table) return null;
  if (state.closed[table.table] === 'finished') return { text: words.finished, kind: 'good' };
  if (table.stopped || state.closed[table.table] === 'saved') return { text: words.savedWord, kind: 'good' };
  if (state.route.name === 'watch') return { text: words.watchWord, kind: 'quiet' };
  const turn = turnOf(state, table);
  if (state.pending.some(({ waits }) => waits)) return { text: words.waits, kind: 'wait' };
  if (turn.sent || state.pending.some((asked) => asked.ask === 'move')) return { text: words.sending, kind: 'wait' };
  if (turn.back.length || play.step(table.view, turn) === 'staged') return { text: words.notSent, kind: 'wait' };
  if (table.unsaved || table.saved < table.tip.number) return { text: words.notSaved, kind: 'wait' };
  return { text: words.saved(table.log.length), kind: 'good' };
}

/** @param {State} state @param {Act} act */
export function bar(state, act) {
  const table = tableOf(state);
  if (!table) return null;
  return h('div', { class: 'table-bar' },
    h('span', { class: 'muted clip desk-only' }, optionsInWords(table.options)),
    h('span', { class: 'grow' }),
    table.watchers ? h('span', { class: 'watchers num', title: words.watching(table.watchers) }, icon('eye', words.watching(table.watchers)), String(table.watchers)) : null,
    h('button', {
      type: 'button', class: 'btn quiet icon', 'aria-label': words.menu, 'aria-expanded': String(state.ui.box === 'menu'),
      on: { click: () => act.ui('box', (/** @type {string | null} */ open) => (open ? null : 'menu')) },
    }, icon('menu')));
}

// ---- coming and going ------------------------------------------------------------------------------------------------

/** Also called after each welcome: a new session watches nothing yet. @param {State} state @param {Act} act */
export async function enter(state, act) {
  document.addEventListener('keydown', onKey);
  const { name, id } = state.route;
  if (name !== 'watch' || state.connection.word !== 'connected') return;
  if (state.seat === id) act.go(`/table/${id}`);
  else if ((await act.ask({ ask: 'watch', table: id })).update === 'refused') act.ui('notWatched', id);
}

/** @param {State} state @param {Act} act */
export function leave(state, act) {
  document.removeEventListener('keydown', onKey);
  for (const part of ['turn', 'box', 'proof', 'drawer', 'draft', 'notWatched', 'summaryOf']) act.ui(part, null);
  const { name, id } = state.route;
  if (name === 'watch' && state.tables[id] && !(id in state.closed)) act.ask({ ask: 'unwatch', table: id });
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!latest || event.ctrlKey || event.metaKey || event.altKey) return;
  const { state, act } = latest;
  const typing = event.target instanceof HTMLInputElement;
  if (event.key === 'Escape') {
    const open = ['box', 'proof', 'drawer'].find((part) => state.ui[part]);
    if (open) act.ui(open, null);
    else if (!typing) stepBack();
  } else if (event.key.toLowerCase() === 'z' && !typing) stepBack();
}

function stepBack() {
  const table = latest && tableOf(latest.state);
  if (!latest || !table) return;
  const turn = turnOf(latest.state, table);
  if (!turn.sent) choose(latest.act, table, play.undo(table.view, turn));
}

// ---- choosing and sending --------------------------------------------------------------------------------------------

/** @param {Act} act @param {TableView} table @param {import('../table/turn.js').Turn} turn */
const choose = (act, table, turn) => {
  act.ui('proof', null);
  act.ui('turn', { ...turn, table: table.table, hash: table.tip.hash, sent: false });
};

/** Sends moves; what was chosen stays as it is until the server accepts or refuses. @param {Act} act @param {TableView} table @param {Turn} turn @param {string[]} moves */
async function send(act, table, turn, moves) {
  const kept = { ...turn, table: table.table, hash: table.tip.hash };
  act.ui('proof', null);
  act.ui('turn', { ...kept, sent: true });
  const answer = await act.ask({ ask: 'move', table: table.table, tip: table.tip, moves });
  if (answer.update === 'done') return;
  act.ui('turn', (/** @type {any} */ now) => (now?.hash === kept.hash ? { ...kept, sent: false } : now));
  if (answer.counter) act.ui('proof', { hash: kept.hash, counter: answer.counter });
  else act.notice(refusal(answer));
}

/** Everything a seat can do now, by what is pressed. @param {Act} act @param {TableView} table @param {View} view @param {Turn} turn */
function deeds(act, table, view, turn) {
  const timing = table.options.rules.claim_timing;
  // While a move is on its way nothing else is chosen.
  const pick = (/** @type {import('../table/turn.js').Turn} */ next) => !turn.sent && choose(act, table, next);
  const go = (/** @type {string[]} */ moves) => !turn.sent && send(act, table, turn, moves);
  const claim = (/** @type {number} */ flag) => go(play.claimMoves(view, turn, flag));
  return {
    card: (/** @type {string} */ code) => pick(play.chooseCard(view, turn, code)),
    target: (/** @type {string} */ code) => pick(play.chooseTarget(view, turn, code)),
    flag: (/** @type {number} */ flag) => {
      if (play.flags(view, turn).includes(flag)) {
        pick(play.chooseFlag(view, turn, flag));
        focusDeck();
      } else if (play.claims(view, turn, timing).includes(flag)) claim(flag);
    },
    discard: () => pick(play.chooseDiscard(view, turn)),
    undo: () => pick(play.undo(view, turn)),
    cancel: () => pick(play.NOTHING),
    deck: (/** @type {Deck} */ deck) => play.decks(view, turn).includes(deck) && go(play.drawMoves(view, turn, deck)),
    claim,
    end: () => go(play.endMoves(view, turn)),
    putBack: () => go(play.returnMoves(turn)),
    pass: () => go(['pass']),
    summary: () => act.ui('summaryOf', null),
  };
}

/** Who plays by keyboard finds the decks next. */
function focusDeck() {
  if (!document.activeElement?.matches(':focus-visible')) return;
  requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector('.deck.legal'))?.focus());
}

// ---- by pointer -------------------------------------------------------------------------------------------------------

/** @param {string} code @param {PointerEvent} event */
function onDown(code, event) {
  drag(event, () => {
    const now = present();
    if (now && !now.turn.sent && now.turn.card !== code) choose(now.act, now.table, play.chooseCard(now.view, now.turn, code));
  }, (flag) => {
    const now = present();
    if (!now || now.turn.sent) return;
    // A quick hand drops before the lifted card was drawn as chosen.
    const lifted = now.turn.card === code ? now.turn : play.chooseCard(now.view, now.turn, code);
    choose(now.act, now.table, play.chooseFlag(now.view, lifted, flag));
  });
}

function present() {
  const table = latest && tableOf(latest.state);
  if (!latest || !table) return null;
  return { ...latest, table, view: usable(latest.state, table), turn: turnOf(latest.state, table) };
}

// ---- drawing ---------------------------------------------------------------------------------------------------------

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  latest = { state, act };
  const table = tableOf(state);
  if (!table) return missing(state);
  const view = usable(state, table);
  const turn = turnOf(state, table);
  const near = play.seatOf(view);
  const model = sideModel(state, table, near);
  return h('div', { class: `table-app ${view.choices ? 'my-turn' : ''}`, 'data-table': table.table, 'data-tip': table.tip.number, 'data-phase': view.phase },
    h('h1', { class: 'vh' }, title(state)),
    board(state, act, table, view, turn, near),
    side(model, act), panels(model, act), overlays(state, act, table, near));
}

/** @param {State} state */
function missing({ route: { id, name }, connection, seat, ui }) {
  const waits = connection.word !== 'connected' || (name === 'watch' && ui.notWatched !== id);
  if (waits) return h('p', { class: 'loading muted' }, words.loading);
  return h('div', { class: 'paper narrow stack' },
    h('h1', null, words.noTable), h('p', null, words.noTableWhy),
    h('div', { class: 'acts' },
      h('a', { class: 'btn primary', href: `/game/${id}` }, icon('play'), words.replay),
      name === 'table' && seat !== id ? h('a', { class: 'btn', href: `/watch/${id}` }, icon('eye'), words.watch) : null,
      h('a', { class: 'btn', href: '/' }, words.toLobby)));
}

/** @param {State} state @param {Act} act @param {TableView} table @param {View} view @param {Turn} turn @param {Seat} near */
function board(state, act, table, view, turn, near) {
  const far = play.other(near);
  const does = deeds(act, table, view, turn);
  const seated = view.viewer !== 'watcher';
  const seat = (/** @type {Seat} */ which) => ({
    name: table.names[which], here: table.away_since_ms[which] === null, tactics: view.tactics_played[which],
    flags: view.flags.filter(({ owner }) => owner === which).length, turn: view.turn === which,
  });
  const decks = deckButtons({ decks: view.decks, legal: turn.sent ? [] : play.decks(view, turn), tactics: table.options.rules.tactics === 'on', onDeck: does.deck });
  return h('div', { class: `board ${seated ? '' : 'watched'}` },
    h('div', { class: 'far' }, seatBar({ ...seat(far), hand: view.hands[far] }), awayNotice(state, act, table, far)),
    line({ ...lineModel(table, view, turn, near), onFlag: does.flag, onTarget: does.target }, refusedClaim(state, act, table, near)),
    prompt(table, view, turn, near, does, state),
    h('section', { class: 'foot', 'aria-label': table.names[near] },
      h('div', { class: `me ${view.turn === near ? 'turn' : ''}` }, seatWords(seat(near))),
      seated ? ownHand(table, view, turn, does) : h('div', { class: 'hand-backs' }, seatBar({ ...seat(near), hand: view.hands[near] })),
      decks));
}

/** What is special on the line, by flag and by card. @param {TableView} table @param {View} view @param {Turn} turn @param {Seat} near */
function lineModel({ names, options, log }, view, turn, near) {
  const staged = play.step(view, turn) === 'staged';
  const laid = turn.card === 'De' ? null : turn.target ?? turn.card;
  const claims = play.claims(view, turn, options.rules.claim_timing);
  return {
    flags: play.line(view, turn), near, viewer: view.viewer, names, last: play.lastLaid(log),
    staged: staged ? laid : null, picked: turn.target, chosen: turn.target ?? turn.card,
    targets: turn.sent ? [] : play.targets(view, turn), legal: turn.sent ? [] : play.flags(view, turn), claims,
    provable: staged ? [] : view.choices?.provable ?? [],
  };
}

/** The places of the cards in the hand of the newest table: no card moves because another one came or went, or the page was loaded anew. */
let places = { table: '', slots: /** @type {(string | null)[]} */ ([]) };

/** @param {string} table @param {string[]} cards */
function placesOf(table, cards) {
  if (places.table !== table) places = { table, slots: storedPlaces(table) };
  const slots = arrange(places.slots, cards);
  if (slots.join() === places.slots.join()) return slots;
  places = { table, slots };
  try {
    sessionStorage.setItem('hand', JSON.stringify(places));
  } catch {
    // Storage may be blocked: the places then last as long as the page.
  }
  return slots;
}

/** @param {string} table @returns {(string | null)[]} */
function storedPlaces(table) {
  try {
    const stored = JSON.parse(sessionStorage.getItem('hand') ?? '{}');
    return stored.table === table ? stored.slots : [];
  } catch {
    return [];
  }
}

/** @param {TableView} table @param {View} view @param {Turn} turn @param {ReturnType<typeof deeds>} does */
function ownHand(table, view, turn, does) {
  const cards = view.hands[play.seatOf(view)].cards ?? [];
  const staged = play.step(view, turn) === 'staged';
  return hand({
    slots: placesOf(table.table, cards).map((code) => (staged && code === turn.card ? null : code)), chosen: turn.card, legal: turn.sent ? [] : play.cards(view, turn),
    back: turn.back, waiting: !view.choices || !['card', 'flag', 'target', 'return'].includes(play.step(view, turn)), onCard: does.card, onDown,
  });
}

// ---- prompt ----------------------------------------------------------------------------------------------------------

/** @param {TableView} table @param {View} view @param {Turn} turn @param {Seat} near @param {ReturnType<typeof deeds>} does @param {State} state */
function prompt(table, view, turn, near, does, state) {
  const now = table.stopped ? 'stopped' : play.step(view, turn);
  const steps = view.choices ? stepsOf(now, turn, view) : null;
  const isKept = turn.sent && !['connected', 'moving', 'elsewhere'].includes(state.connection.word);
  return h('section', { class: `prompt ${view.choices ? '' : 'theirs'}`, 'aria-label': words.promptLabel },
    steps ? h('ol', { class: 'steps', 'aria-label': words.stepsLabel }, steps.words.map((name, index) => h('li', {
      key: name, class: index < steps.at ? 'ok' : '', 'aria-current': index === steps.at ? 'step' : null,
    }, name))) : null,
    h('p', { class: 'say', role: 'status' }, isKept ? words.kept : said(now, turn, view, table, near)),
    h('div', { class: 'commands' }, turn.sent ? null : commands(table, view, turn, now, does)));
}

/** The steps of the own turn, and which of them is the present one. @param {string} now @param {Turn} turn @param {View} view */
function stepsOf(now, { card }, { phase }) {
  if (phase.startsWith('scout')) return { words: words.guileSteps.Sc, at: phase === 'scout_draw' ? 1 : 2 };
  const guile = words.guileSteps[card ?? ''];
  if (!guile) return { words: words.steps, at: ['staged', 'draw', 'end'].includes(now) ? 2 : 1 };
  if (now === 'staged') return { words: guile, at: card === 'Sc' ? 1 : guile.length - 1 };
  return { words: guile, at: now === 'flag' ? 2 : 1 };
}

/** What the player is asked to do now. @param {string} now @param {Turn} turn @param {View} view @param {TableView} table @param {Seat} near */
function said(now, turn, view, { names }, near) {
  const { prompt } = words;
  const [card, target] = [turn.card ?? '', turn.target];
  switch (now) {
    case 'stopped': return words.stopped;
    case 'over': return view.ending ? endingWords(view.ending, names, view.viewer) : '';
    case 'wait': return prompt.wait(names[view.turn ?? near]);
    case 'target': return prompt.target[card];
    case 'flag': return card === 'Re' && target ? prompt.flagOrOff(cardName(target)) : prompt.flag(cardName(target ?? card));
    case 'staged': return card === 'Sc' ? prompt.scout : `${stagedWords(turn)}. ${view.choices?.draw?.length ? prompt.draw : prompt.end}`;
    case 'draw': return prompt.draw;
    case 'end': return prompt.end;
    case 'scout_draw': return prompt.scoutNext;
    case 'return': return turn.back.length ? prompt.backNext(cardName(turn.back[0])) : prompt.back(view.choices?.give_back ?? 0);
    case 'confirm': return turn.back.length > 1 ? prompt.backAll(cardNames(turn.back)) : prompt.backOne(cardName(turn.back[0]));
    default: return prompt.card;
  }
}

/** @param {Turn} turn */
function stagedWords({ card, target, to }) {
  const name = cardName(target ?? card ?? '');
  if (card === 'De') return words.prompt.removed(name);
  return to === 'x' ? words.prompt.discarded(name) : words.prompt.at(name, Number(to));
}

/** @param {string} key @param {string} text @param {() => void} click */
const command = (key, text, click, more = '', symbol = '') =>
  h('button', { key, type: 'button', class: `btn ${more}`, on: { click } }, symbol ? icon(symbol) : null, text);

/** @param {TableView} table @param {View} view @param {Turn} turn @param {string} now @param {ReturnType<typeof deeds>} does */
function commands(table, view, turn, now, does) {
  const provable = now === 'staged' ? undefined : view.choices?.provable;
  const isGuile = turn.target !== null || now === 'target';
  const offered = isGuile && now !== 'staged' ? [] : provable ?? play.claims(view, turn, table.options.rules.claim_timing);
  const isUndoable = now === 'staged' || turn.back.length > 0 || (turn.target !== null && now === 'flag');
  return [
    offered.map((flag) => command(`claim${flag}`, words.claimFlag(flag), () => does.claim(flag), provable ? 'claim' : '', 'flag')),
    play.mayDiscard(view, turn) ? command('discard', words.discard, does.discard) : null,
    play.mayEnd(view, turn) ? command('end', words.end, does.end, 'primary') : null,
    now === 'confirm' ? command('back', words.putBack, does.putBack, 'primary') : null,
    now === 'over' ? command('summary', words.summaryBack, does.summary, 'primary') : null,
    now === 'card' && view.choices?.pass ? command('pass', words.pass, does.pass) : null,
    isUndoable ? command('undo', words.undo, does.undo, '', 'undo') : null,
    ['flag', 'target'].includes(now) ? command('cancel', words.cancel, does.cancel) : null,
  ];
}

/** The other seat is away: what may be done, and when. @param {State} state @param {Act} act @param {TableView} table @param {Seat} far */
function awayNotice(state, act, table, far) {
  const since = table.away_since_ms[far];
  const { limits } = state;
  if (since === null || !limits || table.view.ending || table.stopped || table.view.viewer === 'watcher') return null;
  const age = Math.max(0, nowMs(state) - since);
  const left = (/** @type {number} */ secs) => secs * 1000 - age;
  const ask = (/** @type {'save' | 'claim_win'} */ what) => () => told(act, act.ask({ ask: what, table: table.table }));
  const next = left(limits.away_save_secs) > 0 ? words.awayWait(minutes(left(limits.away_save_secs)))
    : left(limits.away_win_secs) > 0 ? words.awayWinIn(minutes(left(limits.away_win_secs))) : null;
  return h('div', { class: 'away-note', role: 'status' },
    h('span', { class: 'num' }, words.awayNow(minutes(age))), next ? h('span', { class: 'num wide clip' }, next) : null,
    left(limits.away_save_secs) <= 0 ? command('save', words.awaySave, ask('save'), 'small') : null,
    left(limits.away_win_secs) <= 0 ? command('win', words.awayWin, ask('claim_win'), 'small primary') : null);
}

// ---- around the board ------------------------------------------------------------------------------------------------

/** @param {State} state @param {TableView} table @param {Seat} near */
function sideModel(state, table, near) {
  const talk = state.talk[table.table] ?? [];
  const { ui, limits } = state;
  if (ui.drawer === 'messages') read.set(table.table, talk.length);
  const watcher = table.view.viewer === 'watcher';
  const { talk: who } = table.options;
  return {
    table, near, talk, drawer: ui.drawer ?? null, draft: ui.draft ?? '', limit: limits?.message_chars ?? 500,
    mayTalk: who === 'everyone' || (who === 'players' && !watcher),
    fresh: talk.slice(read.get(table.table) ?? 0).filter(({ from }) => from !== state.you?.name).length,
  };
}

/** How many messages were read in the drawer, by table. @type {Map<string, number>} */
const read = new Map();

/** @param {State} state @param {Act} act @param {TableView} table @param {Seat} near */
function overlays(state, act, table, near) {
  const { box, summaryOf } = state.ui;
  const { view } = table;
  const over = Boolean(view.ending) || table.stopped;
  const ended = view.ending && summaryOf !== table.table;
  const saved = table.stopped || state.closed[table.table] === 'saved';
  if ((!box && !ended && !saved) || !boxesLoaded(act)) return null;
  return [
    ended ? boxes.ending(state, table, near, act) : null,
    saved ? boxes.stopped(act) : null,
    box === 'menu' ? boxes.menu(table, { seated: view.viewer !== 'watcher', over }, act) : null,
    box === 'save' || box === 'resign' ? boxes.question(table, box, act) : null,
  ];
}

/** Why the last claim failed, beside its flag, until the game goes on. @param {State} state @param {Act} act @param {TableView} table @param {Seat} near */
function refusedClaim(state, act, table, near) {
  const { proof } = state.ui;
  if (!proof || proof.hash !== table.tip.hash || !boxesLoaded(act)) return null;
  const flags = play.line(table.view, turnOf(state, table));
  const hand = table.view.hands[near].cards ?? [];
  return boxes.proof({ counter: proof.counter, flag: flags[proof.counter.flag], near, names: table.names, hand }, act);
}

/** Whether the boxes are here; if not, they are fetched, unless that is being done. @param {Act} act */
function boxesLoaded(act) {
  if (boxes) return true;
  import('../table/boxes.js').then((module) => {
    boxes = module;
    act.ui('boxes', true);
  }, () => act.notice(words.noBoxes));
  return false;
}
