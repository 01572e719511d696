// Recorded real games, as steps in notation and as the decks they were dealt from.

import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Beside the project, or where `VECTORS` says. */
const FOLDER = process.env.VECTORS
  ? pathToFileURL(`${process.env.VECTORS}/`)
  : new URL('../../../shared/vectors/', import.meta.url);

/** Why recorded games cannot be played, or `false` if they can; under CI they must be there. */
export function vectorsMissing() {
  if (existsSync(FOLDER)) return false;
  const words = `the conformance vectors are not in ${FOLDER.pathname}`;
  if (process.env.CI) throw new Error(words);
  return words;
}

const COLOURS = ['r', 'o', 'y', 'g', 'b', 'p'];
const TROOPS = COLOURS.flatMap((colour) => Array.from({ length: 10 }, (_, i) => `${colour}${i + 1}`));
const TACTICS = ['Al', 'Da', 'Co', 'Sh', 'Fo', 'Mu', 'Sc', 'Re', 'De', 'Tr'];

/** All 70 card codes. */
export const CARDS = new Set([...TROOPS, ...TACTICS]);

/** Which deck a card belongs to. */
export const deckOf = (card) => (TACTICS.includes(card) ? 'x' : 't');

/**
 * A recorded game: `steps` are `{ seat, text, got }` with `text` in notation and `got` the card a draw gave; `decks` are
 * what the server must deal; `winner` is a seat.
 */
export function recorded(name) {
  const raw = JSON.parse(readFileSync(new URL(`recorded_${name}.json`, FOLDER), 'utf8'));
  const seatOf = (player) => (player === raw.first ? 'first' : 'second');
  const steps = raw.plies.flatMap((ply) => stepsOf(ply, seatOf(ply.p)));
  const hands = { first: raw.hands[raw.first], second: raw.hands[1 - raw.first] };
  return { name, steps, hands, winner: seatOf(raw.winner), decks: decksOf(hands, steps) };
}

function stepsOf({ k: kind, m: text, got }, seat) {
  switch (kind) {
    case 'play':
      if (!text.startsWith('Sc ')) return [{ seat, text }];
      return [{ seat, text: 'Sc' }, { seat, text: `draw ${text.slice(3)}`, got }];
    case 'draw':
    case 'scout_draw':
      return [{ seat, text: `draw ${text}`, got }];
    case 'scout_return':
      return [{ seat, text: `return ${text}` }];
    case 'claim':
      return text.split(' ').slice(1).filter(Boolean).map((flag) => ({ seat, text: `claim ${flag}` }));
    case 'resign':
      return [{ seat, text }];
    default:
      return [];
  }
}

/** The deck orders that lead to these hands and draws; cards that were never drawn lie at the bottom. */
function decksOf(hands, steps) {
  const drawn = { t: [...hands.first, ...hands.second], x: [] };
  /** @type {{ t: string[], x: string[] }} */
  const returned = { t: [], x: [] };
  for (const { text, got } of steps) {
    const [verb, ...rest] = text.split(' ');
    if (verb === 'return') rest.forEach((card) => returned[deckOf(card)].push(card));
    if (verb !== 'draw') continue;
    const deck = rest[0];
    if (returned[deck].length === 0) drawn[deck].push(got);
    else if (returned[deck].pop() !== got) throw new Error(`${got} was not on top`);
  }
  const whole = (cards, all) => [...cards, ...all.filter((card) => !cards.includes(card))];
  return { troops: whole(drawn.t, TROOPS), tactics: whole(drawn.x, TACTICS) };
}
