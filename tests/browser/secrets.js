// What a viewer may know of a recorded game, and a search for anything else in what a browser was sent.

import { CARDS } from './recorded.js';

/** Records that are no step of the recorded game: they tell nothing. */
const SILENT = ['end', 'save', 'resume', 'absent'];

/** The cards a viewer (`first`, `second`, `watcher`) may know after `count` steps. */
export function known({ hands, steps }, viewer, count) {
  const cards = new Set(hands[viewer] ?? []);
  for (const { seat, text, got } of steps.slice(0, count)) {
    if (got && seat === viewer) cards.add(got);
    if (!text.startsWith('return')) cardsIn(text).forEach((card) => cards.add(card));
  }
  return cards;
}

/** The cards named anywhere in a text. */
const cardsIn = (text) => text.split(/[^A-Za-z0-9]+/).filter((word) => CARDS.has(word));

/**
 * The hidden cards that a frame from the server names. Not counted: `unplayed`, which is made from public cards alone, and
 * the counter-example of a refused claim, which is made of it; `sealed`, which only the servers can read.
 */
export function leaks(game, viewer, frame) {
  const table = frame.update === 'welcome' ? frame.table : frame.update === 'table' ? frame : null;
  if (table?.view.ending) return [];
  const count = table ? table.log.filter((line) => !SILENT.includes(line.text)).length : 0;
  const allowed = table ? known(game, viewer, count) : new Set();
  const named = new Set();
  collect({ ...frame, counter: undefined }, named);
  return [...named].filter((card) => !allowed.has(card));
}

function collect(value, named) {
  if (typeof value === 'string') cardsIn(value).forEach((card) => named.add(card));
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'unplayed' || key === 'sealed') continue;
    if (CARDS.has(key)) named.add(key);
    collect(inner, named);
  }
}
