// One own turn: what is chosen so far, what may be chosen next, the moves that are sent, and what the prompt says of it. Pure;
// the server's choices are the only rules.

import { listed, tableWords as words } from '../words.js';

/**
 * What a seat has chosen and not sent: a hand card, a card on the line (for Deserter, Traitor and Redeploy), where it goes
 * (`x` discards), the cards to put back after Scout, the last one on top, and the flag to claim (`choose` before it is chosen).
 * @typedef {{ card: string|null, target: string|null, to: number|'x'|null, back: string[], claim?: number|'choose'|null }} Turn
 */

/** @import { BySeat, Deck, Ending, FlagView, Formation, Seat, TableOptions, View } from '../protocol.js' */

/** The seat whose view it is; a watcher is shown the first one's side. @param {View} view @returns {Seat} */
export const seatOf = ({ viewer }) => (viewer === 'second' ? 'second' : 'first');

/** Nothing chosen. @type {Turn} */
export const NOTHING = Object.freeze({ card: null, target: null, to: null, back: [] });

const ENVIRONMENT = ['Fo', 'Mu'];
const MUD_SLOTS = 4;
const SLOTS = 3;

/** @param {Seat} seat @returns {Seat} */
export const other = (seat) => (seat === 'first' ? 'second' : 'first');

/**
 * What the seat has to do next: `wait`, `over`, `card`, `target`, `flag`, `staged` (all is chosen, the draw sends it),
 * `draw`, `end`, `scout_draw`, `return`, `confirm` (both cards to put back are chosen), `claim` (the flag to claim is to be
 * chosen) or `claim_staged` (it is chosen, and goes out with what is staged).
 * @param {View} view
 * @param {Turn} turn
 */
export function step(view, turn) {
  const { claim } = turn;
  if (view.ending) return 'over';
  if (!view.choices) return 'wait';
  if (claim === 'choose') return 'claim';
  if (typeof claim === 'number') return 'claim_staged';
  switch (view.phase) {
    case 'play': return playStep(turn);
    case 'scout_return': return turn.back.length < (view.choices.give_back ?? 0) ? 'return' : 'confirm';
    default: return view.phase;
  }
}

/** Whether a whole play is chosen and not sent. @param {View} view @param {Turn} turn */
export const isStaged = (view, turn) => Boolean(view.choices) && !view.ending && view.phase === 'play' && playStep(turn) === 'staged';

/** @param {Turn} turn */
function playStep({ card, target, to }) {
  if (!card) return 'card';
  switch (card) {
    case 'Sc': return 'staged';
    case 'De': return target ? 'staged' : 'target';
    case 'Tr':
    case 'Re':
      if (!target) return 'target';
      return to === null ? 'flag' : 'staged';
    default: return to === null ? 'flag' : 'staged';
  }
}

// ---- what may be chosen ----------------------------------------------------------------------------------------------

/** The hand cards that may be chosen now. @param {View} view @param {Turn} turn @returns {string[]} */
export function cards(view, turn) {
  const { choices } = view;
  if (!choices) return [];
  if (view.phase === 'scout_return') {
    const hand = view.hands[seatOf(view)].cards ?? [];
    return turn.back.length < (choices.give_back ?? 0) ? hand : turn.back;
  }
  return [
    ...Object.keys(choices.place ?? {}),
    ...(choices.scout ? ['Sc'] : []),
    ...(choices.deserter?.length ? ['De'] : []),
    ...(Object.keys(choices.traitor ?? {}).length ? ['Tr'] : []),
    ...(Object.keys(choices.redeploy ?? {}).length ? ['Re'] : []),
  ];
}

/** The cards on the line that the chosen guile card may take. @param {View} view @param {Turn} turn @returns {string[]} */
export function targets(view, turn) {
  if (!['target', 'flag', 'staged'].includes(step(view, turn))) return [];
  switch (turn.card) {
    case 'De': return view.choices?.deserter ?? [];
    case 'Tr': return Object.keys(view.choices?.traitor ?? {});
    case 'Re': return Object.keys(view.choices?.redeploy ?? {});
    default: return [];
  }
}

/** The flags the chosen card may go to. @param {View} view @param {Turn} turn @returns {number[]} */
export function flags(view, turn) {
  if (!['flag', 'staged'].includes(step(view, turn))) return [];
  switch (turn.card) {
    case 'Sc':
    case 'De': return [];
    case 'Tr': return view.choices?.traitor?.[turn.target ?? ''] ?? [];
    case 'Re': return view.choices?.redeploy?.[turn.target ?? ''] ?? [];
    default: return view.choices?.place?.[turn.card ?? ''] ?? [];
  }
}

/** Whether the card taken by Redeploy may be discarded. @param {View} view @param {Turn} turn */
export const mayDiscard = (view, turn) => turn.card === 'Re' && step(view, turn) === 'flag';

/** The decks that may be drawn from after a play; a node of version 0.3.0 lists them as `draw`. @param {View} view */
const decksAfterPlay = ({ choices }) => choices?.draw_after_play ?? choices?.draw ?? [];

/** The decks that may be drawn from: each sends what is staged. @param {View} view @param {Turn} turn */
export function decks(view, turn) {
  const now = step(view, turn);
  if (now === 'staged') return decksAfterPlay(view);
  return ['draw', 'scout_draw'].includes(now) ? view.choices?.draw ?? [] : [];
}

/** The backs in the own hand: cards drawn unsaved, which are shown once the game is saved. @param {View} view @returns {Deck[]} */
export function unseen(view) {
  const { cards: shown, troops, tactics } = view.hands[seatOf(view)];
  if (!shown) return [];
  const shownTactics = shown.filter((code) => /^[A-Z]/.test(code)).length;
  const backs = (/** @type {Deck} */ deck, /** @type {number} */ count) => Array(Math.max(0, count)).fill(deck);
  return [...backs('t', troops - (shown.length - shownTactics)), ...backs('x', tactics - shownTactics)];
}

/** Whether the turn is closed without a draw. @param {View} view @param {Turn} turn */
export function mayEnd(view, turn) {
  const now = step(view, turn);
  return now === 'end' || (now === 'staged' && !decksAfterPlay(view).length);
}

/** The flags that may be claimed now, or together with the staged play. @param {View} view @param {Turn} turn @param {TableOptions} options */
export function claims(view, turn, { rules, claim_hints: hints }) {
  if (!view.choices) return [];
  if (!isStaged(view, turn)) return view.choices.claim ?? [];
  if (rules.claim_timing !== 'any' || turn.card === 'Sc') return [];
  const me = seatOf(view);
  const complete = (/** @type {FlagView} */ flag) => !flag.owner && flag.cards[me].length >= flag.slots;
  const all = line(view, turn).flatMap((flag, index) => (complete(flag) ? [index] : []));
  // The hints are about what lies on the line: whether the flag that the staged card completes can be proved is not said.
  return hints ? all.filter((flag) => flag === turn.to || view.choices?.provable?.includes(flag)) : all;
}

/** The claims that the prompt offers: with claim hints only those that would be granted. @param {View} view @param {Turn} turn @param {TableOptions} options */
export function offered(view, turn, options) {
  const isGuile = !isStaged(view, turn) && (turn.target !== null || step(view, turn) === 'target');
  if (isGuile || turn.back.length) return [];
  return (isStaged(view, turn) ? null : view.choices?.provable) ?? claims(view, turn, options);
}

/** The flags that a tap claims, or chooses to claim: none while something else is being chosen. @param {View} view @param {Turn} turn @param {TableOptions} options */
export function claimable(view, turn, options) {
  const now = step(view, turn);
  if (now === 'claim' || now === 'claim_staged') return offered(view, turn, options);
  return ['card', 'draw', 'end'].includes(now) ? claims(view, turn, options) : [];
}

// ---- choosing --------------------------------------------------------------------------------------------------------

/** Chooses a hand card, or lets go of it. @param {View} view @param {Turn} turn @param {string} card @returns {Turn} */
export function chooseCard(view, turn, card) {
  if (!cards(view, turn).includes(card)) return turn;
  if (view.phase === 'scout_return') {
    const without = turn.back.filter((chosen) => chosen !== card);
    return { ...NOTHING, back: without.length < turn.back.length ? without : [...turn.back, card] };
  }
  return turn.card === card ? NOTHING : { ...NOTHING, card };
}

/** Chooses a card on the line. @param {View} view @param {Turn} turn @param {string} target @returns {Turn} */
export function chooseTarget(view, turn, target) {
  return targets(view, turn).includes(target) ? { ...turn, target, to: null } : turn;
}

/** Chooses a flag: now the play is staged. @param {View} view @param {Turn} turn @param {number} flag @returns {Turn} */
export function chooseFlag(view, turn, flag) {
  return flags(view, turn).includes(flag) ? { ...turn, to: flag } : turn;
}

/** Chooses to discard the card taken by Redeploy. @param {View} view @param {Turn} turn @returns {Turn} */
export const chooseDiscard = (view, turn) => (mayDiscard(view, turn) ? { ...turn, to: 'x' } : turn);

/** Chooses the flag to claim: first that one is to be chosen, then which. @param {Turn} turn @param {number | 'choose'} claim @returns {Turn} */
export const chooseClaim = (turn, claim) => ({ ...turn, claim });

/** One step back; nothing changes if nothing is chosen. @param {View} _view @param {Turn} turn @returns {Turn} */
export function undo(_view, turn) {
  const { claim = null, ...play } = turn;
  if (claim !== null) return typeof claim === 'number' ? { ...play, claim: 'choose' } : play;
  if (turn.back.length) return { ...turn, back: turn.back.slice(0, -1) };
  if (turn.to !== null) return { ...turn, to: null };
  if (turn.target) return { ...turn, target: null };
  return NOTHING;
}

// ---- sending ---------------------------------------------------------------------------------------------------------

/** The staged play in notation. @param {Turn} turn */
export function playText({ card, target, to }) {
  switch (card) {
    case 'Sc': return 'Sc';
    case 'De': return `De ${target}`;
    case 'Tr':
    case 'Re': return `${card} ${target}@${to}`;
    default: return `${card}@${to}`;
  }
}

/** @param {View} view @param {Turn} turn */
const staged = (view, turn) => (isStaged(view, turn) ? [playText(turn)] : []);

/** What is sent when a deck is chosen. @param {View} view @param {Turn} turn @param {string} deck */
export const drawMoves = (view, turn, deck) => [...staged(view, turn), `draw ${deck}`];

/** What is sent to end a turn without a draw. @param {View} view @param {Turn} turn */
export function endMoves(view, turn) {
  const play = staged(view, turn);
  // By the rule of claims at the start the turn ends by itself after a play.
  return play.length && !view.choices?.end_after_play ? play : [...play, 'end'];
}

/** What is sent to claim a flag: with the staged play, if there is one, so that a refusal takes nothing back. @param {View} view @param {Turn} turn @param {number} flag */
export const claimMoves = (view, turn, flag) => [...staged(view, turn), `claim ${flag}`];

/** What is sent to put Scout's cards back. @param {Turn} turn */
export const returnMoves = (turn) => [`return ${turn.back.join(' ')}`];

// ---- showing ---------------------------------------------------------------------------------------------------------

/** The nine flags as they would lie after the staged play. @param {View} view @param {Turn} turn */
export function line(view, turn) {
  if (!isStaged(view, turn) || turn.card === 'Sc') return view.flags;
  const me = seatOf(view);
  const [card, target] = [turn.card ?? '', turn.target ?? ''];
  switch (card) {
    case 'De': return without(view.flags, target, other(me));
    case 'Tr': return withCard(without(view.flags, target, other(me)), target, me, turn.to);
    case 'Re': return withCard(without(view.flags, target, me), target, me, turn.to);
    default: return withCard(view.flags, card, me, turn.to);
  }
}

/** @param {FlagView[]} flags @param {string} card @param {Seat} seat */
function without(flags, card, seat) {
  return flags.map((flag) => {
    const part = ENVIRONMENT.includes(card) ? 'environment' : 'cards';
    if (!flag[part][seat].includes(card)) return flag;
    return changed(flag, part, seat, flag[part][seat].filter((laid) => laid !== card));
  });
}

/** @param {FlagView[]} flags @param {string} card @param {Seat} seat @param {number | 'x' | null} to */
function withCard(flags, card, seat, to) {
  const part = ENVIRONMENT.includes(card) ? 'environment' : 'cards';
  return flags.map((flag, index) => (index === to ? changed(flag, part, seat, [...flag[part][seat], card]) : flag));
}

/** A flag with other cards; which formations they make is for the server to say. @param {FlagView} flag @param {'cards' | 'environment'} part @param {Seat} seat @param {string[]} cards @returns {FlagView} */
function changed(flag, part, seat, cards) {
  const next = { ...flag, [part]: { ...flag[part], [seat]: cards } };
  if (part === 'cards') return { ...next, formation: { ...flag.formation, [seat]: null } };
  const mud = [...next.environment.first, ...next.environment.second].includes('Mu');
  return { ...next, slots: mud ? MUD_SLOTS : SLOTS, formation: { first: null, second: null } };
}

// ---- reading ---------------------------------------------------------------------------------------------------------

/**
 * A record taken apart: a card laid at a flag, a guile card with what it took, a draw, cards put back, a claim, or else its own word.
 * @typedef {{ kind: 'place', card: string, flag: number } | { kind: 'guile', card: string, target: string, flag: number | 'x' | null }
 *   | { kind: 'draw', deck: string } | { kind: 'return', cards: string[] } | { kind: 'claim', flag: number } | { kind: 'other', word: string }} PlainRecord
 */

/** @param {string} text a record in notation @returns {PlainRecord} */
export function readRecord(text) {
  const [verb = '', rest = ''] = text.split(/ (.*)/);
  const [card = '', to = ''] = (rest || verb).split('@');
  switch (verb) {
    case 'Sc': return { kind: 'guile', card: verb, target: '', flag: null };
    case 'De': return { kind: 'guile', card: verb, target: card, flag: null };
    case 'Tr':
    case 'Re': return { kind: 'guile', card: verb, target: card, flag: to === 'x' ? 'x' : Number(to) };
    case 'draw': return { kind: 'draw', deck: rest };
    case 'return': return { kind: 'return', cards: rest.split(' ') };
    case 'claim': return { kind: 'claim', flag: Number(rest) };
    default: return to ? { kind: 'place', card, flag: Number(to) } : { kind: 'other', word: verb };
  }
}

/** The card that was laid, moved or taken last. @param {{ text: string }[]} log */
export function lastLaid(log) {
  for (let index = log.length - 1; index >= 0; index -= 1) {
    const record = readRecord(log[index].text);
    if (record.kind === 'place') return record.card;
    if (record.kind === 'guile') return record.target || null;
  }
  return null;
}

// ---- saying ----------------------------------------------------------------------------------------------------------

const LETTERS = /** @type {const} */ ({ r: 'red', o: 'orange', y: 'yellow', g: 'green', b: 'blue', p: 'purple' });
const COLOUR_SYMBOLS = { red: 'spear', orange: 'ring', yellow: 'diamond', green: 'clover', blue: 'moon', purple: 'star' };
/** @type {Record<string, string>} */
const TACTIC_SYMBOLS = {
  Al: 'helm', Da: 'helm', Co: 'wild', Sh: 'wild', Fo: 'fog', Mu: 'mud', Sc: 'scout', Re: 'redeploy', De: 'deserter', Tr: 'traitor',
};

/** The colours in the order of the cards, with the letter of their codes. */
export const colours = Object.entries(LETTERS).map(([letter, colour]) => ({
  letter, colour, symbol: COLOUR_SYMBOLS[colour], name: words.colours[colour],
}));

/** A card by its code: how it is called and drawn. @param {string} code */
export function cardOf(code) {
  if (Object.hasOwn(TACTIC_SYMBOLS, code)) {
    const [name, brief, hint] = words.tactics[code];
    return { tactic: true, colour: 'tac', rank: 0, symbol: TACTIC_SYMBOLS[code], name, brief, hint };
  }
  const colour = LETTERS[/** @type {keyof typeof LETTERS} */ (code[0])];
  const rank = code.slice(1);
  return { tactic: false, colour, rank: Number(rank), symbol: COLOUR_SYMBOLS[colour], name: `${words.colours[colour]} ${rank}`, brief: rank, hint: '' };
}

/** @param {string} code */
export const cardName = (code) => cardOf(code).name;

/** @param {string[]} codes */
export const cardNames = (codes) => listed(codes.map(cardName));

/** `Wedge 24`, or `Sum 24` where Fog lies; the brief word is for narrow screens. @param {Formation} formation @param {boolean} fog */
export function formationName({ kind, sum }, fog) {
  const [name, brief] = words.formations[fog ? 'sum' : kind];
  return { name: `${name} ${sum}`, brief: `${brief} ${sum}` };
}

/** @param {FlagView} flag */
export const isFog = (flag) => flag.environment.first.includes('Fo') || flag.environment.second.includes('Fo');

/** Who won and by what; `you` is the viewer's seat, if it has one. @param {Ending} ending @param {BySeat<string>} names @param {string | null} you */
export function endingWords({ winner, reason }, names, you) {
  const why = words.reasons[reason] ?? (() => reason);
  if (!winner) return words.drawn(why(null));
  const loser = other(winner);
  return words.won(winner === you ? words.you : names[winner], why(loser === you ? null : names[loser]));
}

/** The steps of the own turn, and which of them is the present one. @param {string} now @param {Turn} turn @param {View} view */
export function stepsOf(now, { card }, { phase }) {
  if (phase.startsWith('scout')) return { words: words.guileSteps.Sc, at: phase === 'scout_draw' ? 1 : 2 };
  const guile = words.guileSteps[card ?? ''];
  const isStaging = now === 'staged' || now === 'claim_staged';
  if (!guile) return { words: words.steps, at: now === 'claim' ? 0 : isStaging || ['draw', 'end'].includes(now) ? 2 : 1 };
  if (isStaging) return { words: guile, at: card === 'Sc' ? 1 : guile.length - 1 };
  return { words: guile, at: now === 'flag' ? 2 : 1 };
}

/** What the player is asked to do now. @param {string} now @param {Turn} turn @param {View} view @param {BySeat<string>} names @param {Seat} near */
export function promptWords(now, turn, view, names, near) {
  const { prompt } = words;
  const [card, target] = [turn.card ?? '', turn.target];
  switch (now) {
    case 'stopped': return words.stopped;
    case 'over': return view.ending ? endingWords(view.ending, names, view.viewer) : '';
    case 'wait': return prompt.wait(names[view.turn ?? near]);
    case 'target': return prompt.target[card];
    case 'flag': return card === 'Re' && target ? prompt.flagOrOff(cardName(target)) : prompt.flag(cardName(target ?? card));
    case 'staged': return card === 'Sc' ? prompt.scout : (mayEnd(view, turn) ? prompt.confirmEnd : prompt.confirm)(stagedWords(turn));
    case 'claim': return prompt.claim;
    case 'claim_staged': return prompt.claimStaged;
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
