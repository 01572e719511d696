// The table: a seat plays here, and a watcher watches; draws what the view says and sends what was chosen.

import { drag, h, icon } from '../render.js';
import { watchesOwn } from '../shell.js';
import { arrange, deckButtons, hand, line, panels, seatBar, seatWords, side } from '../table/board.js';
import * as play from '../table/turn.js';
import { optionsInWords, refusal, tableWords as words } from '../words.js';

/** @import { Act, State } from '../page.js' */
/** @import { Deck, Seat, TableView, View } from '../protocol.js' */

/** @typedef {import('../table/turn.js').Turn & { sent: boolean }} Turn what is chosen, and whether it is on its way */

/** The newest state and what may be done, for what happens between drawings. @type {{ state: State, act: Act } | null} */
let latest = null;
/** Loaded when first needed. @type {any} */
let boxes = null;
/** @type {typeof import('../table/over.js') | null} */
let over = null;

// ---- what the screen is about ----------------------------------------------------------------------------------------

/** @param {State} state */
function tableOf({ tables, route, you }) {
  const table = tables[route.id];
  const seat = table?.view.viewer;
  // Its first record has the name that the own player had then.
  if (!you || !seat || seat === 'watcher' || table.names[seat] === you.name) return table;
  return { ...table, names: { ...table.names, [seat]: you.name } };
}

/**
 * What the seat has chosen at this tip; choices made at an earlier one are gone. While another window plays, it is as if
 * a move were on its way: everything is shown, and nothing can be chosen.
 * @param {State} state
 * @param {TableView} table
 * @returns {Turn}
 */
function turnOf(state, table) {
  const { turn } = state.ui;
  const stands = turn && turn.table === table.table && turn.hash === table.tip.hash;
  const chosen = stands ? turn : { ...play.NOTHING, sent: false };
  return watchesOwn(state) ? { ...chosen, sent: true } : chosen;
}

/** The view, without choices once the table is closed. @param {State} state @param {TableView} table */
const usable = (state, { view, stopped, table }) => (stopped || table in state.closed ? { ...view, choices: null } : view);

/** @param {State} state */
export const title = (state) => {
  const table = tableOf(state);
  if (!table) return words.table;
  return `${table.names.first} – ${table.names.second}`;
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
  if (turn.back.length || play.isStaged(table.view, turn)) return { text: words.notSent, kind: 'wait' };
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
  document.addEventListener('pointerdown', onPress);
  const { name, id } = state.route;
  if (name !== 'watch' || state.connection.word !== 'connected') return;
  if (state.seat === id) act.redirect(`/table/${id}`);
  else if ((await act.ask({ ask: 'watch', table: id })).update === 'refused') act.ui('notWatched', id);
}

/** @param {State} state @param {Act} act */
export function leave(state, act) {
  document.removeEventListener('keydown', onKey);
  document.removeEventListener('pointerdown', onPress);
  for (const part of ['turn', 'box', 'proof', 'drawer', 'draft', 'notWatched', 'summaryOf', 'over']) act.ui(part, null);
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
    else if (!leaveSummary(state, act) && !typing) stepBack();
    if (open === 'drawer') /** @type {HTMLElement | null} */ (document.querySelector('.panels [aria-current]'))?.focus();
  } else if (event.key.toLowerCase() === 'z' && !typing) stepBack();
}

/** Whether the summary was shown, and is closed now. @param {State} state @param {Act} act */
function leaveSummary(state, act) {
  const table = tableOf(state);
  if (!table || !coveredBy(state, table).ended) return false;
  act.ui('summaryOf', table.table);
  return true;
}

/** A press beside the menu closes it, and does what it does there. @param {PointerEvent} event */
function onPress({ target }) {
  if (latest?.state.ui.box !== 'menu' || !(target instanceof Element) || target.closest('.table-menu, [aria-expanded]')) return;
  latest.act.ui('box', null);
}

const stepBack = () => chooseNow(play.undo);

// ---- choosing and sending --------------------------------------------------------------------------------------------

/** What is chosen by now: a press may come before the page has drawn what the one before chose. @param {Act} act @param {State} state @param {TableView} table */
function newestTurn(act, state, table) {
  let { turn } = state.ui;
  act.ui('turn', (/** @type {any} */ newest) => (turn = newest));
  return turnOf({ ...state, ui: { turn } }, table);
}

/** While a move is on its way nothing else is chosen. @param {Act} act @param {State} state @param {TableView} table @param {(turn: Turn) => import('../table/turn.js').Turn} next */
function choose(act, state, table, next) {
  const turn = newestTurn(act, state, table);
  if (turn.sent) return;
  act.ui('proof', null);
  act.ui('turn', { ...next(turn), table: table.table, hash: table.tip.hash, sent: false });
}

/** Sends moves, unless what is chosen by now has none; it stays as it is until the server accepts or refuses. @param {Act} act @param {State} state @param {TableView} table @param {(turn: Turn) => string[] | false} movesOf */
async function send(act, state, table, movesOf) {
  const turn = newestTurn(act, state, table);
  const moves = !turn.sent && movesOf(turn);
  if (!moves) return;
  const kept = { ...turn, table: table.table, hash: table.tip.hash };
  act.ui('proof', null);
  act.ui('turn', { ...kept, sent: true });
  const answer = await act.ask({ ask: 'move', table: table.table, tip: table.tip, moves });
  if (answer.update === 'done') return;
  act.ui('turn', (/** @type {any} */ now) => (now?.hash === kept.hash ? { ...kept, sent: false } : now));
  if (answer.counter) act.ui('proof', { hash: kept.hash, counter: answer.counter });
  else act.notice(refusal(answer));
}

/** Everything a seat can do now, by what is pressed. @param {Act} act @param {State} state @param {TableView} table @param {View} view */
function deeds(act, state, table, view) {
  const pick = (/** @type {(turn: Turn) => import('../table/turn.js').Turn} */ next) => choose(act, state, table, next);
  const go = (/** @type {(turn: Turn) => string[] | false} */ movesOf) => send(act, state, table, movesOf);
  // A card that was staged just now goes along only with the claim that was chosen beside it.
  const claim = (/** @type {number} */ flag) => go((turn) => (!play.isStaged(view, turn) || turn.claim === flag) && play.claimMoves(view, turn, flag));
  return {
    card: (/** @type {string} */ code) => pick((turn) => play.chooseCard(view, turn, code)),
    target: (/** @type {string} */ code) => pick((turn) => play.chooseTarget(view, turn, code)),
    flag: (/** @type {number} */ flag) => {
      const turn = newestTurn(act, state, table);
      if (play.flags(view, turn).includes(flag)) {
        pick(() => play.chooseFlag(view, turn, flag));
        focusDeck();
      } else if (play.claimable(view, turn, table.options).includes(flag)) {
        // What is staged can be undone, and no tap on the line ends that.
        if (play.isStaged(view, turn)) pick(() => play.chooseClaim(turn, flag));
        else claim(flag);
      }
    },
    discard: () => pick((turn) => play.chooseDiscard(view, turn)),
    undo: () => pick((turn) => play.undo(view, turn)),
    deck: (/** @type {Deck} */ deck) => go((turn) => play.decks(view, turn).includes(deck) && play.drawMoves(view, turn, deck)),
    claim,
    chooseClaim: () => pick((turn) => play.chooseClaim(turn, 'choose')),
    end: () => go((turn) => play.mayEnd(view, turn) && play.endMoves(view, turn)),
    putBack: () => go((turn) => play.step(view, turn) === 'confirm' && play.returnMoves(turn)),
    pass: () => go((turn) => play.step(view, turn) === 'card' && ['pass']),
    summary: () => act.ui('summaryOf', null),
    takeBack: act.takeBack,
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
  const lift = (/** @type {View} */ view, /** @type {Turn} */ turn) => (turn.card === code ? turn : play.chooseCard(view, turn, code));
  // The own turn may begin after the card was lifted.
  drag(event, () => chooseNow(lift), (flag) => chooseNow((view, turn) => play.chooseFlag(view, lift(view, turn), flag)));
}

/** Chooses at the table that was drawn last. @param {(view: View, turn: Turn) => import('../table/turn.js').Turn} next */
function chooseNow(next) {
  const { act, state } = latest ?? {};
  const table = state && tableOf(state);
  if (act && table) choose(act, state, table, (turn) => next(usable(state, table), turn));
}

// ---- drawing ---------------------------------------------------------------------------------------------------------

/** @param {State} state @param {Act} act */
export function draw(state, act) {
  latest = { state, act };
  const table = tableOf(state);
  if (!table) return missing(state, act);
  const view = usable(state, table);
  const turn = turnOf(state, table);
  const near = play.seatOf(view);
  const model = sideModel(state, table, near);
  return h('div', { class: `table-app ${view.choices ? 'my-turn' : ''}`, 'data-table': table.table, 'data-tip': table.tip.number, 'data-phase': view.phase },
    h('h1', { class: 'vh' }, title(state)),
    h('div', { class: 'play', inert: covers(state) }, board(state, act, table, view, turn, near), side(model, act), panels(model, act)),
    overlays(state, act, table, near));
}

/** Nobody plays here, as far as this browser was told: what is true is found out. @param {State} state @param {Act} act */
function missing(state, act) {
  const { route: { id, name }, connection, ui } = state;
  const waits = connection.word !== 'connected' || (name === 'watch' && ui.notWatched !== id);
  if (!waits && over && ui.over?.id !== id) queueMicrotask(() => over?.find(state, act));
  if (!waits && !over) load(act, import('../table/over.js'), (module) => (over = module));
  return waits || !over ? h('p', { class: 'loading muted' }, words.loading) : over.draw(state, act);
}

/** Loads a part of the screen when it is first needed. @template T @param {Act} act @param {Promise<T>} loading @param {(module: T) => void} take */
function load(act, loading, take) {
  loading.then((module) => {
    take(module);
    act.ui('boxes', {});
  }, () => act.notice(words.noBoxes));
}

/** @param {State} state @param {Act} act @param {TableView} table @param {View} view @param {Turn} turn @param {Seat} near */
function board(state, act, table, view, turn, near) {
  const far = play.other(near);
  const does = deeds(act, state, table, view);
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
function lineModel(table, view, turn, near) {
  const laid = turn.card === 'De' ? null : turn.target ?? turn.card;
  return {
    flags: play.line(view, turn), near, viewer: view.viewer, names: table.names, last: play.lastLaid(table.log),
    staged: play.isStaged(view, turn) ? laid : null, picked: turn.target, chosen: turn.target ?? turn.card,
    targets: turn.sent ? [] : play.targets(view, turn), legal: turn.sent ? [] : play.flags(view, turn),
    claims: turn.sent ? [] : play.claimable(view, turn, table.options),
    // What can be proved stays marked while a card is staged, unless that one covers the flag.
    provable: (view.choices?.provable ?? []).filter((flag) => flag !== turn.to), claiming: typeof turn.claim === 'number' ? turn.claim : null,
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
  const staged = play.isStaged(view, turn);
  const backs = play.unseen(view);
  return hand({
    slots: placesOf(table.table, cards).map((code) => (staged && code === turn.card ? null : code ?? backs.shift() ?? null)), chosen: turn.card, legal: turn.sent ? [] : play.cards(view, turn),
    back: turn.back, waiting: !view.choices || !['card', 'flag', 'target', 'return'].includes(play.step(view, turn)), onCard: does.card, onDown,
  });
}

// ---- prompt ----------------------------------------------------------------------------------------------------------

/** @param {TableView} table @param {View} view @param {Turn} turn @param {Seat} near @param {ReturnType<typeof deeds>} does @param {State} state */
function prompt(table, view, turn, near, does, state) {
  const now = table.stopped ? 'stopped' : play.step(view, turn);
  const isWatching = watchesOwn(state) && !['over', 'stopped'].includes(now);
  const steps = view.choices && !isWatching ? play.stepsOf(now, turn, view) : null;
  const isKept = turn.sent && !['connected', 'moving', 'elsewhere'].includes(state.connection.word);
  const said = isKept ? words.kept : play.promptWords(now, turn, view, table.names, near);
  return h('section', { class: `prompt ${view.choices && !isWatching ? '' : 'theirs'}`, 'aria-label': words.promptLabel },
    steps ? h('ol', { class: 'steps', 'aria-label': words.stepsLabel }, steps.words.map((name, index) => h('li', {
      key: name, class: index < steps.at ? 'ok' : '', 'aria-current': index === steps.at ? 'step' : null,
    }, name))) : null,
    h('p', { class: 'say', role: 'status' }, isWatching ? (state.follows ? words.watchesOwn : words.paused) : said),
    h('div', { class: 'commands' },
      isWatching ? command('takeBack', words.takeBack, does.takeBack, 'primary') : turn.sent ? null : commands(table, view, turn, now, does)));
}

/** @param {string} key @param {string} text @param {() => void} click */
const command = (key, text, click, more = '', symbol = '') =>
  h('button', { key, type: 'button', class: `btn ${more}`, on: { click } }, symbol ? icon(symbol) : null, h('span', null, text));

/** What the prompt offers; the way back comes first. @param {TableView} table @param {View} view @param {Turn} turn @param {string} now @param {ReturnType<typeof deeds>} does */
function commands(table, view, turn, now, does) {
  const isStaged = play.isStaged(view, turn);
  return [
    turn.card || turn.back.length || turn.claim !== undefined && turn.claim !== null ? command('undo', words.undo, does.undo, 'undo', 'undo') : null,
    claimCommand(play.offered(view, turn, table.options), isStaged, turn, now, does),
    play.mayDiscard(view, turn) ? command('discard', words.discard, does.discard) : null,
    play.mayEnd(view, turn) ? command('end', words.end, does.end, 'primary') : null,
    now === 'confirm' ? command('back', words.putBack, does.putBack, 'primary') : null,
    now === 'over' ? command('summary', words.summaryBack, does.summary, 'primary') : null,
    now === 'card' && view.choices?.pass ? command('pass', words.pass, does.pass) : null,
  ];
}

/** One command for all claims: of several flags, or beside a staged card, the flag is chosen on the line. @param {number[]} flags @param {boolean} isStaged @param {Turn} turn @param {string} now @param {ReturnType<typeof deeds>} does */
function claimCommand(flags, isStaged, { card, claim }, now, does) {
  if (typeof claim === 'number') return command('claim', words.playAndClaim(play.cardName(card ?? ''), claim), () => does.claim(claim), 'primary wraps', 'flag');
  if (now === 'claim' || flags.length === 0) return null;
  return flags.length === 1 && !isStaged ? command('claim', words.claimFlag(flags[0]), () => does.claim(flags[0]), 'claim', 'flag')
    : command('claim', words.claimOne, does.chooseClaim, 'claim', 'flag');
}

// ---- around the board ------------------------------------------------------------------------------------------------

/** @param {State} state @param {TableView} table @param {Seat} near */
function sideModel(state, table, near) {
  const { ui, limits } = state;
  const watcher = table.view.viewer === 'watcher';
  const talk = linesOf(state, table, watcher);
  if (ui.drawer === 'messages') read.set(table.table, talk.length);
  const { talk: who } = table.options;
  return {
    table, near, talk, drawer: ui.drawer ?? null, draft: ui.draft ?? '', limit: limits?.message_chars ?? 300, blocked: state.blocked,
    mayTalk: who === 'everyone' || (who === 'players' && !watcher),
    fresh: talk.slice(read.get(table.table) ?? 0).filter(({ from }) => from !== state.you?.name).length,
  };
}

/** What was said at the table, and to a player what others wrote meanwhile: it must not lie over the game. @param {State} state @param {TableView} table @param {boolean} watcher */
function linesOf({ talk, letters }, { table, started_ms: startedMs }, watcher) {
  const said = talk[table] ?? [];
  const written = watcher ? [] : letters.filter(({ sent_ms: sentMs }) => sentMs >= startedMs);
  return written.length ? [...said, ...written].toSorted((a, b) => a.sent_ms - b.sent_ms) : said;
}

/** How many messages were read in the drawer, by table. @type {Map<string, number>} */
const read = new Map();

/** Whether a box covers the whole page. @param {State} state */
export function covers(state) {
  const table = tableOf(state);
  return Boolean(boxes && table && Object.values(coveredBy(state, table)).some(Boolean));
}

/** @param {State} state @param {TableView} table */
const isOver = (state, { table, view, stopped }) => Boolean(view.ending) || stopped || state.closed[table] === 'saved';

/** Which box covers the whole table. @param {State} state @param {TableView} table */
function coveredBy(state, { table, view, stopped }) {
  return { ended: Boolean(view.ending) && state.ui.summaryOf !== table, saved: stopped || state.closed[table] === 'saved' };
}

/** @param {State} state @param {Act} act @param {TableView} table @param {Seat} near */
function overlays(state, act, table, near) {
  const { box } = state.ui;
  const { view } = table;
  const over = isOver(state, table);
  const { ended, saved } = coveredBy(state, table);
  if ((!box && !ended && !saved) || !boxesLoaded(act)) return null;
  return [
    ended ? boxes.ending(state, table, near, act) : null,
    saved ? boxes.stopped(act) : null,
    box === 'menu' ? boxes.menu(table, { seated: view.viewer !== 'watcher', over }, act) : null,
    ['save', 'resign', 'claim_win'].includes(box) && !over && !watchesOwn(state) ? boxes.question(table, box, table.names[play.other(near)], act) : null,
  ];
}

/** The other seat is away: what may be done, and when. @param {State} state @param {Act} act @param {TableView} table @param {Seat} far */
function awayNotice(state, act, table, far) {
  const isAway = table.away_since_ms[far] !== null && !isOver(state, table) && table.view.viewer !== 'watcher';
  return isAway && state.limits && boxesLoaded(act) ? boxes.away(state, table, far, act) : null;
}

/** Why the last claim failed, beside its flag, until the game goes on. @param {State} state @param {Act} act @param {TableView} table @param {Seat} near */
function refusedClaim(state, act, table, near) {
  const { proof } = state.ui;
  if (!proof || proof.hash !== table.tip.hash || !boxesLoaded(act)) return null;
  const flags = play.line(table.view, turnOf(state, table));
  const hand = table.view.hands[near].cards ?? [];
  return boxes.proof({ counter: proof.counter, flag: flags[proof.counter.flag], near, names: table.names, hand }, act);
}

/** Whether the boxes are here; if not, they are fetched. @param {Act} act */
function boxesLoaded(act) {
  if (!boxes) load(act, import('../table/boxes.js'), (module) => (boxes = module));
  return boxes !== null;
}
