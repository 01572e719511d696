// By keyboard alone: what opens over the table takes the focus, keeps it while it is modal, and gives it back.

/* global document */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP } from './chromium.js';
import { asked, drawTable, tableWith } from './fabricated.js';
import { World } from './world.js';

/** What has the focus: the words of a button, or the label of a box. */
const focused = (page) => page.evaluate(() => {
  const el = document.activeElement;
  return el?.getAttribute('aria-label') ?? el?.textContent ?? '';
});
const isWithin = (page, selector) => page.evaluate((selector) => Boolean(document.activeElement?.closest(selector)), selector);
/** Opens the menu and waits for it: the boxes are loaded when one is needed first. */
async function openMenu(page) {
  await page.locator('#shown').getByRole('button', { name: 'Table menu' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#shown .table-menu').waitFor();
}

test('the table by keyboard', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);
  const { keyboard } = page;
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const names = { first: 'Ann', second: 'Ben' };

  await t.test('the menu takes the focus and gives it back', async () => {
    await drawTable(page, tableWith({ names }));
    await openMenu(page);
    assert.equal(await focused(page), 'Save and leave');
    await keyboard.press('Escape');
    assert.equal(await focused(page), 'Table menu');
    await openMenu(page);
    for (let i = 0; i < 4; i += 1) await keyboard.press('Tab');
    await keyboard.press('Enter');
    await page.locator('#shown .table-menu').waitFor({ state: 'detached' });
    assert.equal(await focused(page), 'Table menu');
  });

  for (const [entry, tabs, title, ask] of /** @type {const} */ ([['Save and leave', 0, 'Save this game for later?', 'save'], ['Resign', 1, 'Resign this game?', 'resign']])) {
    await t.test(`${entry}: asked once, the harmless answer first, the focus kept inside`, async () => {
      await drawTable(page, tableWith({ names }));
      for (const [how, wanted] of /** @type {const} */ ([['Enter', []], ['Escape', []], ['yes', [ask]]])) {
        await openMenu(page);
        for (let i = 0; i < tabs; i += 1) await keyboard.press('Tab');
        assert.equal(await focused(page), entry);
        await keyboard.press('Enter');
        await page.getByRole('dialog', { name: title }).waitFor();
        assert.equal(await focused(page), 'Cancel');
        assert.match(await page.locator('dialog.question').innerText(), /Ben/, 'it says what comes of it');
        if (how === 'yes') {
          for (let i = 0; i < 7; i += 1) {
            await keyboard.press('Tab');
            assert(await isWithin(page, 'dialog.question') || await page.evaluate(() => document.activeElement === document.body), 'Tab stays in the question');
          }
          await page.locator('dialog.question .btn').nth(1).focus();
        }
        await keyboard.press(how === 'Escape' ? 'Escape' : 'Enter');
        await page.locator('dialog.question').waitFor({ state: 'detached' });
        assert.deepEqual((await asked(page)).map((asked) => asked.ask), wanted);
        assert.equal(await focused(page), 'Table menu', `after ${how}`);
      }
    });
  }

  await t.test('claiming the win and saving, with the other side away, ask once', async () => {
    const table = tableWith({ names });
    table.away_since_ms.second = 1764000000000 - 400_000;
    for (const [entry, title, ask] of [['Save the game', 'Save this game for later?', 'save'], ['Claim the win', 'Claim the win?', 'claim_win']]) {
      await drawTable(page, table);
      await page.locator('#shown .away-note').getByRole('button', { name: entry }).focus();
      await keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: title });
      await dialog.waitFor();
      assert.deepEqual(await asked(page), []);
      await keyboard.press('Enter');
      await dialog.waitFor({ state: 'detached' });
      assert.equal(await focused(page), entry);
      await keyboard.press('Enter');
      await dialog.locator('.btn').nth(1).click();
      assert.deepEqual((await asked(page)).map((asked) => asked.ask), [ask]);
    }
  });

  await t.test('the summary keeps the focus, closes by Escape, and leaves toasts within reach', async () => {
    const table = tableWith({ names });
    Object.assign(table.view, { ending: { winner: 'first', reason: 'resignation' }, choices: null, phase: 'over', turn: null });
    await drawTable(page, table);
    await page.getByRole('dialog', { name: /^You won/ }).waitFor();
    for (let i = 0; i < 12; i += 1) {
      await keyboard.press('Tab');
      assert(await isWithin(page, 'dialog.end, .toasts') || await page.evaluate(() => document.activeElement === document.body));
    }
    await keyboard.press('Escape');
    await page.locator('#shown dialog.end').waitFor({ state: 'detached' });
    await page.locator('#shown .commands').getByRole('button', { name: 'Summary' }).waitFor();
  });

  await t.test('a drawer takes the focus and gives it back', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await drawTable(page, tableWith({ names }));
    for (const name of ['Cards', 'Moves', 'Messages']) {
      const button = page.locator('#shown .panels').getByRole('button', { name });
      await button.focus();
      await keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.closest('.side'));
      await keyboard.press('Escape');
      await page.locator('#shown .hand').waitFor();
      assert(await isWithin(page, '.panels'), name);
    }
  });

  await t.test('while another window plays, Play here is one click, also with the menu open, and nothing moves', async () => {
    await page.setViewportSize(DESKTOP.viewport);
    const table = tableWith({ names });
    await drawTable(page, table);
    await openMenu(page);
    const places = () => page.evaluate(() => [...document.querySelectorAll('#shown :is(.table-menu .btn, .hand .card, .deck, .flag, [aria-expanded])')].map((el) => JSON.stringify(el.getBoundingClientRect())).join());
    const before = await places();
    await drawTable(page, table, { box: 'menu' }, { state: { connection: { word: 'elsewhere', sinceMs: 0, retryAtMs: null } } });
    await page.locator('#shown .table-menu').waitFor();
    assert.equal(await places(), before);
    await page.locator('#shown').getByRole('button', { name: 'Play here' }).click();
    assert.deepEqual((await asked(page)).map((asked) => asked.ask), ['take back']);
  });
});
