// The table as a person sees and uses it: what its board shows, and recorded games played on it card by card.

/* global document, HTMLElement */

import assert from 'node:assert/strict';

/** @import { Person } from './person.js' */

const COLOURS = { r: 'Red', o: 'Orange', y: 'Yellow', g: 'Green', b: 'Blue', p: 'Purple' };
const TACTICS = {
  Al: 'Alexander', Da: 'Darius', Co: 'Companion', Sh: 'Shield', Fo: 'Fog', Mu: 'Mud', Sc: 'Scout', Re: 'Redeploy', De: 'Deserter', Tr: 'Traitor',
};
const DECKS = { t: 'Troops', x: 'Tactics' };

/** A card as it is called on the page. */
export const nameOf = (card) => TACTICS[card] ?? `${COLOURS[card[0]]} ${card.slice(1)}`;

/** What the board of a page shows, to be compared with another showing; the order of the hand is left out. */
export function boardOf(page) {
  return page.evaluate(() => {
    /** @param {ParentNode | null} root @param {string} selector @returns {HTMLElement[]} */
    const all = (root, selector) => [...(root?.querySelectorAll(selector) ?? [])].filter((found) => found instanceof HTMLElement);
    const codes = (root) => all(root, '[data-card]').map((card) => card.dataset.card);
    return {
      flags: all(document, '.col').map((column) => ({
        label: column.querySelector('.flag')?.getAttribute('aria-label'),
        environment: column.dataset.environment?.split(' ').filter(Boolean),
        theirs: codes(column.querySelector('.pile.them')),
        ours: codes(column.querySelector('.pile.you')),
      })),
      hand: codes(document.querySelector('.hand')).sort(),
      backs: document.querySelector('.far .backs')?.getAttribute('aria-label') ?? '',
      decks: all(document, '.deck').map((deck) => deck.getAttribute('aria-label')),
      phase: all(document, '.table-app')[0]?.dataset.phase,
      prompt: document.querySelector('.say')?.textContent,
    };
  });
}

/**
 * Plays the steps `from` to `to` of a recorded game (all, if left out): each player clicks what the step says, the card
 * drawn is compared, and everybody must see it before the next step. `after` is called with each step's index.
 * @param {any} game
 * @param {string} table
 * @param {{ first: Person, second: Person }} players
 * @param {Person[]} watchers
 * @param {(index: number) => Promise<void> | void} [after]
 */
export async function playAll(game, table, players, watchers, after) {
  const { steps, from = 0, to = steps.length } = game;
  const people = [...Object.values(players), ...watchers];
  for (let index = from; index < to; index += 1) {
    const { seat, text, got } = steps[index];
    const player = players[seat];
    const before = sentOf(player, table);
    await playStep(player, table, text);
    const next = steps[index + 1];
    const drawsNext = next?.seat === seat && next.text.startsWith('draw ');
    if (isPlay(text) && drawsNext) {
      await after?.(index);
      continue;
    }
    if (isPlay(text)) await endTurn(player);
    const done = await fateOf(player, table, before);
    if (done) await seenByAll(people, table, done);
    // A card drawn while the backup is away is a back until it is saved.
    const { unsaved, view } = player.table(table);
    if (got && !unsaved) assert(view.hands[seat].cards?.includes(got), `${seat} drew ${got} in step ${index}`);
    await after?.(index);
  }
}

/** Steps that are only staged: a draw, or the end of the turn, sends them. */
const isPlay = (text) => /^(\w+@\d|De |Tr |Re |Sc)/.test(text);

/** Clicks what a step says. */
async function playStep(player, table, text) {
  const [verb, rest = ''] = text.split(/ (.*)/);
  const [card, to] = (rest || verb).split('@');
  switch (verb) {
    case 'draw':
      return player.press(player.button(new RegExp(`^${DECKS[rest]}\\b`)));
    case 'claim':
      return claim(player, table, Number(rest));
    case 'return':
      for (const back of rest.split(' ')) await player.press(handCard(player, back));
      return player.press(player.button('Put back'));
    case 'pass':
      return player.press(player.button('Pass'));
    case 'resign':
      return resign(player);
    case 'Sc':
      return player.press(handCard(player, 'Sc'));
    case 'De':
      await player.press(handCard(player, 'De'));
      return player.press(lineCard(player, rest));
    case 'Tr':
    case 'Re':
      await player.press(handCard(player, verb));
      await player.press(lineCard(player, card));
      return player.press(to === 'x' ? player.button('Discard it') : flag(player, to));
    default:
      await player.press(handCard(player, card));
      return player.press(flag(player, to));
  }
}

/** By its flag where the prompt does not offer it: not every claim is known to be granted. */
async function claim(player, table, index) {
  const { choices } = player.table(table).view;
  const offered = choices.provable ?? choices.claim;
  if (offered.length === 1 && offered[0] === index) return player.press(player.button(`Claim flag ${index + 1}`));
  // Of several flags the one to claim is chosen on the line.
  if (offered.includes(index)) await player.press(player.button('Claim a flag'));
  await player.press(flag(player, index));
}

async function resign(player) {
  await player.press(player.button('Table menu'));
  await player.press(player.button('Resign'));
  await player.press(player.page.getByRole('dialog').getByRole('button', { name: 'Resign', exact: true }));
}

/** With both decks empty a play is closed by hand. */
const endTurn = (player) => player.press(player.button('End turn'));

const handCard = (player, card) => player.page.locator('.hand').getByRole('button', { name: nameOf(card), exact: true });
/** By the strip that every card of a pile shows. */
const lineCard = (player, card) =>
  player.page.locator('.line').getByRole('button', { name: new RegExp(`^${nameOf(card)}, flag`) }).locator('.idx, svg').first();
const flag = (player, index) => player.page.locator('.line').getByRole('button', { name: new RegExp(`^Flag ${Number(index) + 1}\\b`) });

/** What a person had been sent of a table: its records, and refusals. */
const sentOf = (person, table) => ({
  number: person.table(table).tip.number,
  refusals: person.frames.filter((frame) => frame.update === 'refused').length,
});

/** Waits for what became of a step: the number of records after it, or nothing if a claim was refused. */
async function fateOf(player, table, before) {
  const isAccepted = () => sentOf(player, table).number > before.number;
  await player.until(() => isAccepted() || sentOf(player, table).refusals > before.refusals, `an answer after record ${before.number}`);
  if (isAccepted()) return sentOf(player, table).number;
  const { code, words } = player.frames.findLast((frame) => frame.update === 'refused');
  assert.equal(code, 'not_proved', words);
  await player.press(player.button('Back to my turn'));
  return null;
}

/** Waits until everybody's page shows that many records. */
async function seenByAll(people, table, number) {
  for (const person of people) {
    await person.page.waitForFunction(([id, least]) => {
      const shown = document.querySelector('.table-app');
      return shown instanceof HTMLElement && shown.dataset.table === id && Number(shown.dataset.tip) >= least;
    }, /** @type {const} */ ([table, number]));
  }
}
