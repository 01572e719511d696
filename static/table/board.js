// The board as elements: cards, the line of nine flags, hands, decks; and beside it the troops still out, the moves, and what
// is said. It shows what it is given and says what was pressed. One file, so that a first visit asks for few.

import { h, icon } from '../render.js';
import { bounded, named, told } from '../shell.js';
import { listed, tableWords as words, words as site } from '../words.js';
import { cardName, cardNames, cardOf, colours, formationName, isFog, other, readRecord, seatOf } from './turn.js';

/** @import { Act } from '../page.js' */
/** @import { Deck, FlagView, HandView, LogLine, Message, Seat, TableView, View } from '../protocol.js' */

const siteWords = { ...site.letters, messageName: site.lobby.messageName };
/** Letters of a name that fit on a narrow card. */
const NARROW_NAME = 8;
const TEN = 10;
const HAND = 7;

/** A card, face up. @param {string} code @param {any} [props] @param {string} [tag] */
export function card(code, { class: more = '', ...props } = {}, tag = 'span') {
  const { tactic, colour, rank, symbol, name, brief, hint } = cardOf(code);
  const classes = ['card', colour, rank === TEN && 'ten', tactic && name.length > NARROW_NAME && 'lengthy', more].filter(Boolean).join(' ');
  const title = tactic
    ? [icon(symbol), h('span', { class: 'long' }, name), h('span', { class: 'short' }, brief)]
    : [String(rank), icon(symbol)];
  const labelled = tag === 'button' ? { 'aria-label': name } : {};
  return h(tag, { class: classes, 'data-card': code, ...labelled, ...props },
    h('span', { class: 'idx', 'aria-hidden': 'true', translate: 'no' }, title),
    h('span', { class: 'art', 'aria-hidden': 'true' }, icon(symbol)),
    hint ? h('span', { class: 'hint', 'aria-hidden': 'true' }, hint) : null,
    tag === 'button' ? null : h('span', { class: 'vh' }, name));
}

/** A card, face down. @param {Deck} deck @param {any} [props] */
export const back = (deck, props = {}) => h('span', { ...props, class: `card back ${deck === 'x' ? 'tacback' : ''}` });

/** A card in running text. @param {string} code */
export function mini(code) {
  const { tactic, colour, symbol, name, brief } = cardOf(code);
  if (tactic) return h('span', { class: 'mini tac' }, name);
  return h('span', { class: `mini ${colour}` }, h('span', { 'aria-hidden': 'true' }, brief), icon(symbol), h('span', { class: 'vh' }, name));
}

// ---- the line --------------------------------------------------------------------------------------------------------

/**
 * What the line shows: the flags, who sits at the bottom (`near`) and whose view it is, and by flag or by card what is
 * special about it.
 * @typedef {{ flags: FlagView[], near: Seat, viewer: string, names: import('../protocol.js').BySeat<string>, last: string | null, staged: string | null,
 *   picked: string | null, targets: string[], legal: number[], claims: number[], provable: number[], claiming?: number | null, chosen: string | null,
 *   onFlag?: (flag: number) => void, onTarget?: (card: string) => void }} Line
 */

/** @param {Line} model @param {any} [over] what lies over the line */
export const line = (model, over = null) =>
  h('section', { class: 'line', 'aria-label': words.board },
    h('ol', { class: 'cols' }, model.flags.map((flag, index) => column(model, flag, index))), over);

/** @param {Line} model @param {FlagView} flag @param {number} index */
function column(model, flag, index) {
  const { near, legal, claims, provable } = model;
  const laid = [...flag.environment.first, ...flag.environment.second];
  const classes = [
    'col', laid.includes('Fo') && 'fog', laid.includes('Mu') && 'mud',
    flag.owner && `done ${flag.owner === near ? 'w-you' : 'w-them'}`,
    legal.includes(index) && 'legal', provable.includes(index) && 'claimable', claims.includes(index) && 'may-claim',
    model.claiming === index && 'claiming',
  ];
  const most = Math.max(3, flag.slots, flag.cards.first.length, flag.cards.second.length);
  return h('li', {
    key: index, class: classes.filter(Boolean).join(' '), style: { '--slots': most }, 'data-flag': index, 'data-environment': laid.toSorted().join(' '),
  },
    pile(model, flag, index, other(near)), flagButton(model, flag, index, laid), pile(model, flag, index, near));
}

/** @param {Line} model @param {FlagView} flag @param {number} index @param {Seat} seat */
function pile(model, flag, index, seat) {
  const { near, names, legal, chosen } = model;
  const mine = seat === near;
  const cards = flag.cards[seat];
  const takesSlot = chosen !== 'Fo' && chosen !== 'Mu';
  const ghost = mine && takesSlot && legal.includes(index) && !cards.includes(model.staged ?? '') && cards.length < flag.slots;
  const made = flag.formation[seat];
  const formation = made && formationName(made, isFog(flag));
  return h('div', { class: `pile ${mine ? 'you' : 'them'}` },
    h('ul', { 'aria-label': words.cardsAt(names[seat], index) },
      cards.map((code, place) => h('li', { key: code, style: { '--n': place } }, laidCard(model, code, index))),
      ghost ? h('li', { key: 'ghost', style: { '--n': cards.length }, 'aria-hidden': 'true' }, h('span', { class: 'card ghost' }, '+')) : null),
    formation ? h('span', { class: 'form', 'aria-hidden': 'true' },
      h('span', { class: 'long' }, formation.name), h('span', { class: 'short' }, formation.brief)) : null);
}

/** @param {Line} model @param {string} code @param {number} index */
function laidCard(model, code, index) {
  const { staged, last, picked, targets, onTarget } = model;
  const classes = [code === staged && 'staged', code === last && code !== staged && 'last', code === picked && 'picked'];
  const tag = code === staged ? words.staged : code === last ? words.last : null;
  if (!targets.includes(code) || code === staged) return card(code, { class: classes.filter(Boolean).join(' '), 'data-tag': tag });
  return card(code, {
    class: ['pick', ...classes].filter(Boolean).join(' '), 'data-tag': tag, 'aria-label': words.atFlag(cardName(code), index),
    'aria-pressed': String(code === picked), type: 'button', on: { click: () => onTarget?.(code) },
  }, 'button');
}

/** @param {Line} model @param {FlagView} flag @param {number} index @param {string[]} laid */
function flagButton(model, flag, index, laid) {
  const { onFlag, targets, picked, staged } = model;
  const pickable = laid.filter((code) => targets.includes(code));
  return h('div', { class: 'flag-row' },
    h('button', { class: 'flag', type: 'button', 'aria-label': flagLabel(model, flag, index, laid), on: { click: () => onFlag?.(index) } },
      h('svg', { class: 'pennant', viewBox: '0 0 50 44', 'aria-hidden': 'true', translate: 'no' },
        h('path', { class: 'cloth', d: 'M9 3H46L39 15.5 46 28H9Z' }), h('path', { class: 'pole', d: 'M9 2V43' }),
        h('text', { x: 24, y: 22 }, words.flag(index))),
      tag(model, flag, index, laid)),
    pickable.map((code, place) => h('button', {
      key: code, style: { '--n': place }, class: `tag env pick ${code === picked ? 'picked' : ''} ${code === staged ? 'staged' : ''}`, type: 'button',
      'aria-label': words.atFlag(cardName(code), index), on: { click: () => model.onTarget?.(code) },
    }, icon(cardOf(code).symbol), cardName(code))));
}

/** @param {Line} model @param {FlagView} flag @param {number} index @param {string[]} laid */
function tag({ near, names, viewer, provable, staged }, flag, index, laid) {
  if (flag.owner === near) return h('span', { class: 'tag mine' }, viewer === near ? words.yours : named(names[near]));
  if (flag.owner) return h('span', { class: 'tag lost' }, named(names[flag.owner]));
  if (provable.includes(index)) return h('span', { class: 'tag can' }, words.claim);
  if (!laid.length) return h('span', { class: 'tag' }, ' ');
  const text = laid.map((code) => (code === 'Mu' ? words.mud : words.fog)).join(' + ');
  return h('span', { class: `tag env ${laid.length > 1 ? 'two' : ''} ${laid.includes(staged ?? '') ? 'staged' : ''}` },
    laid.map((code) => icon(cardOf(code).symbol)), h('span', { class: 'long' }, text));
}

/** @param {Line} model @param {FlagView} flag @param {number} index @param {string[]} laid */
function flagLabel(model, flag, index, laid) {
  const { near, names, viewer, legal, claims, provable, chosen } = model;
  const side = (/** @type {Seat} */ seat) => {
    const formation = flag.formation[seat];
    const name = seat === viewer ? words.you : names[seat];
    return words.sideLabel(name, flag.cards[seat].length ? cardNames(flag.cards[seat]) : '', formation && formationName(formation, isFog(flag)).name);
  };
  const owner = !flag.owner ? words.open : flag.owner === viewer ? words.wonByYou : words.wonBy(names[flag.owner]);
  return words.flagLabel(index, [
    owner, ...(laid.includes('Fo') ? [words.fogLabel] : []), ...(laid.includes('Mu') ? [words.mudLabel] : []),
    side(near), side(other(near)),
    ...(legal.includes(index) && chosen ? [words.press(cardName(chosen))] : []),
    ...(provable.includes(index) ? [words.provable] : claims.includes(index) ? [words.mayClaim] : []),
  ]);
}

// ---- hands -----------------------------------------------------------------------------------------------------------

/**
 * Who sits there: name, presence, flags, backs of what is held.
 * @param {{ name: string, here: boolean, flags: number, tactics: number, hand: HandView, turn: boolean }} seat
 */
export const seatBar = ({ name, here, flags, tactics, hand, turn }) =>
  h('section', { class: `seat ${turn ? 'turn' : ''}`, 'aria-label': name },
    seatWords({ name, here, flags, tactics }),
    h('span', { class: 'grow' }),
    hand.cards ? h('span', { class: 'backs open' }, hand.cards.map((code) => card(code, { key: code })))
      : h('span', { class: 'backs', role: 'img', 'aria-label': words.holds(name, hand.troops, hand.tactics) },
      Array.from({ length: hand.troops + hand.tactics }, (_, i) => back(i < hand.troops ? 't' : 'x', { key: i }))));

/** @param {{ name: string, here: boolean, flags: number, tactics: number }} seat */
export const seatWords = ({ name, here, flags, tactics }) => [
  h('span', { class: `presence ${here ? 'here' : 'gone'}` }, icon(here ? 'free' : 'away', here ? words.online : words.away)),
  h('span', { class: 'name clip', title: name, translate: 'no' }, name),
  h('span', { class: 'won' }, icon('flag'), h('span', { 'aria-hidden': 'true' }, String(flags)),
    h('span', { class: 'muted wide', 'aria-hidden': 'true' }, words.of5), h('span', { class: 'vh' }, words.flagsWon(flags))),
  tactics ? h('span', { class: 'muted wide' }, words.tacticsPlayed(tactics)) : null,
];

/**
 * The own hand in fixed slots; a slot may be empty, or has a back, `t` or `x`, for a card that is not shown yet.
 * @param {{ slots: (string | null)[], chosen: string | null, legal: string[], back: string[], waiting: boolean,
 *   onCard: (code: string) => void, onDown: (code: string, event: PointerEvent) => void }} model
 */
export const hand = ({ slots, chosen, legal, back: order, waiting, onCard, onDown }) =>
  h('div', { class: slots.length > HAND ? 'hand many' : 'hand', role: 'group', 'aria-label': words.hand(slots.filter(Boolean).length), style: { '--count': slots.length } },
    slots.map((code, index) => {
      if (code === 't' || code === 'x') return back(code, { key: `back${index}`, role: 'img', 'aria-label': words.unseen[code] });
      if (!code) return h('span', { key: `slot${index}`, class: 'slot', 'aria-hidden': 'true' });
      const at = order.indexOf(code);
      const usable = legal.includes(code);
      return card(code, {
        key: code, type: 'button', class: `${usable || waiting ? '' : 'idle'} ${at >= 0 ? 'back-mark' : ''}`,
        'aria-pressed': String(code === chosen || at >= 0), 'aria-disabled': usable ? null : 'true',
        'data-tag': at >= 0 ? words.backOrder(at, order.length) : null,
        on: { click: () => onCard(code), pointerdown: (/** @type {PointerEvent} */ event) => onDown(code, event) },
      }, 'button');
    }));

/**
 * An arrangement of a hand in which cards keep their places; new ones fill the first free place.
 * @param {(string | null)[]} slots
 * @param {string[]} cards
 */
export function arrange(slots, cards) {
  const size = Math.max(HAND, cards.length);
  const kept = slots.slice(0, size).map((code) => (code && cards.includes(code) ? code : null));
  const next = Array.from({ length: size }, (_, index) => kept[index] ?? null);
  const placed = new Set(next);
  for (const code of cards) if (!placed.has(code)) next[next.indexOf(null)] = code;
  return next;
}

/** Both decks. @param {{ decks: { troops: number, tactics: number }, legal: string[], tactics: boolean, onDeck?: (deck: Deck) => void }} model */
export const deckButtons = ({ decks, legal, tactics, onDeck }) =>
  h('div', { class: 'decks' }, /** @type {Deck[]} */ (tactics ? ['t', 'x'] : ['t']).map((deck) => {
    const count = deck === 't' ? decks.troops : decks.tactics;
    const usable = legal.includes(deck);
    return h('button', {
      key: deck, class: `deck ${usable ? 'legal' : ''} ${count ? '' : 'empty'}`, type: 'button', 'data-deck': deck,
      'aria-label': `${words.decks[deck]}, ${words.left(count)}`, 'aria-disabled': usable ? null : 'true', on: { click: () => onDeck?.(deck) },
    }, back(deck, { 'data-n': count, 'aria-hidden': 'true' }), h('span', { 'aria-hidden': 'true' }, h('span', { class: 'word' }, words.decks[deck]), h('span', { class: 'short' }, ` ${count}`)));
  }));

/** Cards lying in a row, such as a counter-example's. @param {string[]} codes @param {string[]} [dashed] */
export const fan = (codes, dashed = []) =>
  h('span', { class: 'fan' }, codes.map((code) => card(code, { key: code, class: dashed.includes(code) ? 'maybe' : '' })));

// ---- beside the board; on a phone each part is a drawer -----------------------------------------------------------------

const DRAWERS = /** @type {const} */ (['cards', 'moves', 'messages']);
const REPLAY_DRAWERS = /** @type {const} */ (['cards', 'moves', 'facts']);
const DRAWER_ICONS = { cards: 'cards', moves: 'list', messages: 'msg', facts: 'book' };

/**
 * @typedef {{ table: TableView, near: Seat, drawer: string | null, talk: Message[], draft: string, mayTalk: boolean,
 *   limit: number, blocked?: string[], at?: number, onRecord?: (number: number) => void, fresh: number }} SideModel
 */

/** @param {SideModel} model @param {Act} act @param {any} [last] what stands in the place of the messages */
export const side = (model, act, last = null) =>
  h('aside', { class: `side ${model.drawer ? `open-${model.drawer}` : ''}`, 'aria-label': [words.cards, words.moves, words.messages].join(', ') },
    cardsPane(model), movesPane(model), model.onRecord ? last : talkPane(model, act));

/** The bar of a phone that opens the drawers. @param {SideModel} model @param {Act} act */
export const panels = ({ drawer, fresh, onRecord }, act) =>
  h('nav', { class: 'panels', 'aria-label': words.panels },
    panelButton('board', 'flag', words.table, !drawer, () => act.ui('drawer', null)),
    (onRecord ? REPLAY_DRAWERS : DRAWERS).map((name) => panelButton(name, DRAWER_ICONS[name], words[name], drawer === name,
      () => toggleDrawer(act, name), name === 'messages' ? fresh : 0)));

/** A drawer lies over the board, and takes the focus. @param {Act} act @param {string} name */
function toggleDrawer(act, name) {
  act.ui('drawer', (/** @type {string | null} */ newest) => (newest === name ? null : name));
  requestAnimationFrame(() => requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector(`.open-${name} .pane-${name}`))?.focus()));
}

/** @param {string} key @param {string} symbol @param {string} word @param {boolean} current @param {() => void} click */
function panelButton(key, symbol, word, current, click, fresh = 0) {
  return h('button', {
    key, type: 'button', 'aria-current': current ? 'true' : null, 'aria-label': fresh ? words.withFresh(word, fresh) : null, on: { click },
  }, icon(symbol), word, fresh ? h('span', { class: 'badge' }, String(fresh)) : null);
}

// ---- cards -----------------------------------------------------------------------------------------------------------

/** @param {SideModel} model */
function cardsPane({ table: { view, names } }) {
  const seats = /** @type {const} */ (['first', 'second']);
  /** @type {[string, string[]][]} */
  const all = [
    ...seats.flatMap((seat) => /** @type {[string, string[]][]} */ ([[words.discarded(names[seat]), view.discards[seat]], [words.guile(names[seat]), view.guile[seat]]])),
    [words.returned, view.decks.returned],
  ];
  return h('section', { key: 'cards', class: 'pane pane-cards', tabindex: '-1' },
    h('header', null, h('h2', { class: 'grow' }, words.still), h('span', { class: 'muted num' }, words.inPile(view.decks.troops))),
    tracker(view),
    h('p', { class: 'key-row muted' }, h('span', null, words.filled), h('span', null, words.framed)),
    h('dl', { class: 'gone-cards' }, all.filter(([, cards]) => cards.length).map(([name, cards]) => h('div', { key: name },
      h('dt', { class: 'muted' }, name), h('dd', null, cards.map(mini))))));
}

/** @param {View} view */
function tracker(view) {
  const out = new Set(view.unplayed);
  const own = view.viewer === 'watcher' ? null : view.hands[seatOf(view)].cards;
  const mine = new Set(own ?? []);
  return h('div', { class: 'tracker', role: 'table', 'aria-label': words.still }, colours.map(({ letter, colour, symbol, name }) =>
    h('div', { class: 'tracker-row', role: 'row', key: letter },
      h('span', { class: `sym ${colour}`, role: 'rowheader' }, icon(symbol), h('span', { class: 'vh' }, name)),
      Array.from({ length: 10 }, (_, i) => {
        const code = `${letter}${i + 1}`;
        const state = mine.has(code) ? 'mine' : out.has(code) ? '' : 'seen';
        const said = { mine: words.outMine, seen: words.outSeen, '': '' }[state];
        return h('span', { key: code, class: `c ${colour} ${state}`, role: 'cell' }, String(i + 1), said && h('span', { class: 'vh' }, said));
      }))));
}

// ---- moves -----------------------------------------------------------------------------------------------------------

/** @param {SideModel} model */
function movesPane({ table: { log, names, view }, at, onRecord }) {
  const entries = entriesOf(log);
  const now = at === undefined ? entries.length - 1 : entries.findLastIndex(({ number }) => number <= at);
  return h('section', { key: 'moves', class: 'pane pane-moves', tabindex: '-1' },
    h('header', null, h('h2', { class: 'grow' }, words.moves)),
    h('div', { class: 'moves scroll', tabindex: '0', role: onRecord ? null : 'log', 'aria-label': words.moves, ref: follow(now) },
      h('ol', { class: 'log' }, entries.map((entry, index) => h('li', {
        key: entry.number, class: index === now ? 'now' : '', 'aria-current': index === now ? 'true' : null,
        on: onRecord ? { click: () => onRecord(entry.last) } : {},
      },
      h('span', { class: 'muted num' }, String(entry.number)),
      h('span', { class: 'clip' }, entry.seat === view.viewer ? words.you : named(names[entry.seat])),
      h('span', { class: 'deed' }, deed(entry.text)),
      h('span', { class: 'drawn' }, entry.draws.map((deck) => h('span', {
        class: `dot ${deck === 'x' ? 'tacback' : ''}`, role: 'img', 'aria-label': recordWords(`draw ${deck}`),
      }))))))));
}

/**
 * Keeps the present entry in sight, at first, whenever there is another one and whenever the list has another size; but not
 * while somebody reads further up. A list that was hidden shows the present entry again.
 * @param {number} now
 */
const follow = (now) => (/** @type {HTMLElement} */ el) => {
  const isNew = el.dataset.now === undefined;
  const isAway = el.dataset.away === 'yes';
  const isSame = el.dataset.now === String(now);
  el.dataset.now = String(now);
  if (isNew) watchList(el);
  // The rest of the panel is not drawn yet, and takes its room only then.
  if (!isSame && !isAway) queueMicrotask(() => toPresent(el));
};

/** @param {HTMLElement} el */
function watchList(el) {
  let height = 0;
  new ResizeObserver(() => {
    const wasHidden = height === 0;
    height = el.clientHeight;
    if (height > 0 && (wasHidden || el.dataset.away !== 'yes')) toPresent(el);
  }).observe(el);
  el.addEventListener('scroll', () => {
    // A change of size scrolls, too, before it is told.
    if (el.clientHeight > 0 && el.clientHeight === height) el.dataset.away = Math.abs(el.scrollTop - placeOf(el)) < NEAR_PX ? 'no' : 'yes';
  });
}

/** So near to where it should be scrolled to a list counts as being there. */
const NEAR_PX = 12;

/** @param {HTMLElement} el */
function toPresent(el) {
  el.scrollTop = placeOf(el);
  el.dataset.away = 'no';
}

/** How far a list is scrolled when its present entry is the last one in sight. @param {HTMLElement} el */
function placeOf(el) {
  const entry = (el.querySelector('ol') ?? el).children[Number(el.dataset.now)];
  const end = entry instanceof HTMLElement ? entry.offsetTop + entry.offsetHeight + 8 : 0;
  return Math.max(0, Math.min(end, el.scrollHeight) - el.clientHeight);
}

/** The records as entries: draws go with the play before them. @param {LogLine[]} log */
export function entriesOf(log) {
  /** @type {{ number: number, last: number, seat: Seat, text: string, draws: string[] }[]} */
  const entries = [];
  log.forEach(({ seat, text }, index) => {
    const before = entries.at(-1);
    const record = readRecord(text);
    const goesAlong = before?.seat === seat && (record.kind === 'draw' || text === 'end');
    if (!goesAlong) entries.push({ number: index + 1, last: index + 1, seat, text, draws: [] });
    const entry = entries[entries.length - 1];
    entry.last = index + 1;
    if (goesAlong && record.kind === 'draw') entry.draws.push(record.deck);
  });
  return entries;
}

/** What a record did, with small cards. @param {string} text */
function deed(text) {
  const record = readRecord(text);
  switch (record.kind) {
    case 'place': return [mini(record.card), ` ${words.atFlagShort(record.flag)}`];
    case 'guile': return [mini(record.card), record.target ? [' ', mini(record.target)] : null,
      typeof record.flag === 'number' ? ` ${words.atFlagShort(record.flag)}` : record.flag === 'x' ? ` ${words.off}` : null];
    case 'return': return record.cards.some((code) => code.length > 1) ? [words.back, record.cards.map((code) => [' ', mini(code)])] : recordWords(text);
    case 'claim': return h('b', { class: 'claimed' }, icon('flag'), ` ${recordWords(text)}`);
    default: return recordWords(text);
  }
}

/** What a record says, without who did it. @param {string} text */
export function recordWords(text) {
  const record = readRecord(text);
  switch (record.kind) {
    case 'place': return words.records.place(cardName(record.card), record.flag);
    case 'draw': return words.records.draw[record.deck];
    case 'return': return words.records.back(listed(record.cards.map((code) => words.records.some[code] ?? cardName(code))));
    case 'claim': return words.records.claim(record.flag);
    case 'guile': return guileWords(record);
    case 'other': return words.records.others[record.word] ?? text;
  }
}

/** @param {{ card: string, target: string, flag: number | 'x' | null }} record */
function guileWords({ card, target, flag }) {
  if (card === 'De') return words.records.deserter(cardName(target));
  if (card === 'Tr') return words.records.traitor(cardName(target), Number(flag));
  if (card === 'Re') return flag === 'x' ? words.records.redeployOff(cardName(target)) : words.records.redeploy(cardName(target), Number(flag));
  return words.records.others.Sc;
}

/** What may be done about a message that somebody wrote from elsewhere. @param {Act} act @param {string} name @param {string[]} blocked */
const answers = (act, name, blocked) => h('span', { class: 'acts' },
  h('button', { type: 'button', class: 'btn small', 'aria-label': siteWords.messageName(name), on: { click: () => act.ui('dialog', { kind: 'letters', name }) } }, siteWords.answer),
  blocked.includes(name) ? null : h('button', { type: 'button', class: 'btn small danger', 'aria-label': siteWords.blockName(name),
    on: { click: () => told(act, act.ask({ ask: 'block', name })) } }, siteWords.block));

// ---- messages --------------------------------------------------------------------------------------------------------

/** @param {SideModel} model @param {Act} act */
function talkPane({ table, near, talk, draft, mayTalk, limit, blocked = [] }, act) {
  const { view, names, options } = table;
  const watcher = view.viewer === 'watcher';
  const label = watcher ? words.toWatchers : words.messageTo(names[other(near)]);
  const say = async (/** @type {Event} */ event) => {
    event.preventDefault();
    // From the field, not from `draft`: Enter may come before the drawing that follows the last letter.
    const field = /** @type {HTMLInputElement} */ (/** @type {HTMLFormElement} */ (event.currentTarget).elements.namedItem('text'));
    const { value } = field;
    const text = value.trim();
    if (!text || !await told(act, act.ask({ ask: 'say', table: table.table, text }))) return;
    // What was typed meanwhile stays.
    act.ui('draft', (/** @type {string | null} */ newest) => (newest?.startsWith(value) ? newest.slice(value.length) : newest));
  };
  return h('section', { key: 'talk', class: 'pane pane-messages', tabindex: '-1' },
    h('header', null, h('h2', { class: 'grow' }, words.messages),
      h('span', { class: 'muted small' }, options.talk === 'nobody' ? words.talkNobody : watcher ? words.talkWatchers : words.talkPlayers)),
    h('div', { class: 'msgs scroll', role: 'log', tabindex: '0', 'aria-label': words.messages, ref: follow(talk.length - 1) },
      talk.length ? talk.map((message, index) => h('p', { key: index }, h('b', null, named(message.from)), ' ',
        message.table ? null : h('span', { class: 'muted' }, message.from === names[near] ? words.toName(message.to ?? '') : words.written, ' '),
        h('bdi', { class: 'theirs' }, message.text), message.table || message.from === names[near] ? null : answers(act, message.from, blocked)))
        : h('p', { class: 'muted' }, words.noMessages)),
    mayTalk ? h('form', { class: 'field', on: { submit: say } },
      h('input', {
        name: 'text', 'aria-label': label, placeholder: label, autocomplete: 'off', enterkeyhint: 'send', prop: { value: draft },
        ...bounded(limit, (text) => act.ui('draft', text)),
      }),
      h('button', { class: 'btn small', type: 'submit' }, words.send)) : null);
}

