// The prompt at every size, however many flags may be claimed: the words in their box, Undo first and whole; and what a tap on
// the line may do.

/* global document, HTMLElement, innerWidth */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP } from './chromium.js';
import { SIZES, asked, drawTable, tableWith } from './fabricated.js';
import { World } from './world.js';

/** Every step of every kind of turn in which something is chosen, and some in which nothing is. */
const STEPS = {
  card: {}, 'a troop chosen': { card: 'r10' }, 'a troop staged': { card: 'r10', to: 8 }, 'the claim to be chosen': { card: 'r10', to: 8, claim: 'choose' },
  'a claim beside the staged troop': { card: 'r10', to: 8, claim: 8 }, Traitor: { card: 'Tr' }, 'Traitor, troop chosen': { card: 'Tr', target: 'b4' },
  'Traitor staged': { card: 'Tr', target: 'b4', to: 8 }, Deserter: { card: 'De' }, 'Deserter staged': { card: 'De', target: 'b4' }, Redeploy: { card: 'Re' },
  'Redeploy, card chosen': { card: 'Re', target: 'y1' }, 'Redeploy staged': { card: 'Re', target: 'y1', to: 7 }, 'Redeploy discards': { card: 'Re', target: 'y1', to: 'x' },
  Scout: { card: 'Sc' },
};
const OTHERS = {
  'Scout draws': [{ phase: 'scout_draw', choices: { place: {}, scout: false } }, {}],
  'Scout gives back': [{ phase: 'scout_return', choices: { give_back: 2 } }, { card: null, back: ['o10'] }],
  'Scout, both chosen': [{ phase: 'scout_return', choices: { give_back: 2 }, hand: ['r10', 'o10', 'Tr', 'De', 'Re', 'b1', 'y10', 'p1', 'g1'] }, { card: null, back: ['o10', 'De'] }],
  'draw after a claim': [{ phase: 'draw' }, {}],
  'decks empty': [{ choices: { draw: [] } }, { card: 'r10', to: 8 }],
};

/** What is wrong with the prompt that is shown. */
const faultsOf = (page, undoable) => page.evaluate((undoable) => {
  const faults = [];
  const box = (el) => el.getBoundingClientRect();
  const find = (selector) => document.querySelector(`#shown ${selector}`);
  const prompt = find('.prompt');
  const say = find('.say');
  const inside = (el, outer) => box(el).left >= box(outer).left - 0.6 && box(el).right <= box(outer).right + 0.6
    && box(el).top >= box(outer).top - 0.6 && box(el).bottom <= box(outer).bottom + 0.6;
  if (!(prompt instanceof HTMLElement) || !(say instanceof HTMLElement)) return ['no prompt'];
  if (!inside(say, prompt)) faults.push('the words leave the prompt');
  if (say.scrollHeight > say.clientHeight + 2 || say.scrollWidth > say.clientWidth + 1) faults.push(`the words are cut: ${say.textContent}`);
  const buttons = [...document.querySelectorAll('#shown .commands .btn')];
  for (const button of buttons) {
    const { left, top, width, height } = box(button);
    const hits = [[0.1, 0.2], [0.9, 0.8], [0.5, 0.5]].every(([x, y]) => button.contains(document.elementFromPoint(left + width * x, top + height * y)));
    if (!inside(button, prompt) || !hits) faults.push(`${button.textContent} is not whole`);
  }
  if (undoable !== (buttons[0]?.textContent === 'Undo')) faults.push(`first: ${buttons[0]?.textContent}`);
  if (buttons.length > 3) faults.push(`${buttons.length} commands`);
  if (scrollX + scrollY > 0 || document.documentElement.scrollWidth > innerWidth) faults.push('the page scrolls');
  return faults;
}, undoable);

test('the prompt fits', { timeout: 300_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);

  await t.test('at every size, with any number of complete flags, in every step', async () => {
    const faults = [];
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      const look = async (name, wanted, turn) => {
        await drawTable(page, tableWith(wanted), { turn: Object.keys(turn).length ? turn : undefined });
        for (const fault of await faultsOf(page, Object.keys(turn).length > 0)) faults.push(`${width}×${height}, ${wanted.complete} flags, ${name}: ${fault}`);
      };
      for (const [name, turn] of Object.entries(STEPS)) {
        for (const complete of [0, 1, 3]) await look(name, { complete, hints: complete < 3 }, turn);
      }
      for (const [name, [wanted, turn]] of Object.entries(OTHERS)) for (const complete of [0, 7]) await look(name, { complete, ...wanted }, turn);
    }
    assert.deepEqual(faults.slice(0, 40), [], `${faults.length} faults`);
  });

  await t.test('with the longest name there is', async () => {
    const names = { first: 'W'.repeat(20), second: 'M'.repeat(20) };
    const faults = [];
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      const table = tableWith({ names });
      table.view.choices = null;
      table.view.turn = 'second';
      await drawTable(page, table);
      for (const fault of await faultsOf(page, false)) faults.push(`${width}×${height}: ${fault}`);
    }
    assert.deepEqual(faults, []);
  });
});

test('no tap on the line sends what could be undone', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);
  const flag = (number) => page.locator('#shown .line').getByRole('button', { name: new RegExp(`^Flag ${number}\\b`) });
  const command = (name) => page.locator('#shown .commands').getByRole('button', { name, exact: true });

  await t.test('with a card chosen or staged, every flag may be tapped', async () => {
    for (const [name, turn] of Object.entries(STEPS)) {
      if (name === 'card') continue;
      for (const hints of [true, false]) {
        for (const number of [1, 4, 8, 9]) {
          await drawTable(page, tableWith({ complete: 4, hints }), { turn });
          await flag(number).click({ position: { x: 5, y: 5 } });
          assert.deepEqual(await asked(page), [], `${name}, flag ${number}`);
        }
      }
    }
  });

  await t.test('a claim beside a staged card is chosen on the line, and sent by a button that says so', async () => {
    await drawTable(page, tableWith({ complete: 3, hints: false }), { turn: { card: 'r10', to: 8 } });
    await command('Claim a flag').click();
    await flag(2).click();
    assert.deepEqual(await asked(page), []);
    await command('Undo').click();
    await flag(9).click();
    await command('Play Red 10 and claim flag 9').click();
    assert.deepEqual((await asked(page)).map(({ moves }) => moves), [['r10@8', 'claim 8']]);
  });

  await t.test('with claim hints only what would be granted is offered', async () => {
    await drawTable(page, tableWith({ complete: 3, choices: { provable: [] } }), {});
    assert.equal(await page.locator('#shown .commands .btn').count(), 0);
    await drawTable(page, tableWith({ complete: 3, choices: { provable: [1] } }), {});
    await command('Claim flag 2').click();
    assert.deepEqual((await asked(page)).map(({ moves }) => moves), [['claim 1']]);
  });
});
