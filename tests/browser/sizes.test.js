// What fits and can be reached at every size: names and texts of any kind, panels, hands of nine, what lies over the game.

/* global HTMLElement, document, getComputedStyle, innerHeight, innerWidth */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP } from './chromium.js';
import { SIZES, drawTable, tableWith } from './fabricated.js';
import { World } from './world.js';

const WIDEST = 'W'.repeat(20);
const NAMES = { first: WIDEST, second: 'Mm'.repeat(10) };
/** Texts that are short in characters and not in what they draw, and long ones. */
const TEXTS = [`a${'\u0301'.repeat(200)}`, `x${'\u0489\u20dd'.repeat(100)}`, 'ﷺ'.repeat(60), '𒐫'.repeat(60), '\u202E reversed', 'W'.repeat(300), '🙂'.repeat(300), `${'a '.repeat(150)}`, 'ก้้้้้้้้้้้้้้้'.repeat(8)];
const LOG = Array.from({ length: 78 }, (_, index) => ({ seat: index % 4 < 2 ? 'first' : 'second', text: index % 2 ? 'draw t' : `${'roygbp'[index % 6]}${1 + (index % 10)}@${index % 9}` }));

const notice = (key, words, code = 'letter') => ({ key, code, words, name: code === 'letter' ? WIDEST : null });
const message = (text, more = {}) => ({ update: 'message', from: WIDEST, text, sent_ms: 1764000000000, ...more });

/** Pairs of elements that lie over each other: what must not cover, and what must not be covered. */
const covered = (page, over, under) => page.evaluate(([over, under]) => {
  const all = (selector) => [...document.querySelectorAll(selector)].filter((el) => el instanceof HTMLElement && el.offsetParent !== null || el.closest('.toasts'));
  const hit = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const boxes = all(over).map((el) => el.getBoundingClientRect());
  return all(under).filter((el) => boxes.some((box) => hit(box, el.getBoundingClientRect()))).map((el) => el.className.toString());
}, [over, under]);

/** The elements of a selector that are not wholly on the screen, or lie under something. */
const unreachable = (page, selector) => page.evaluate((selector) => [...document.querySelectorAll(selector)].flatMap((el) => {
  const { left, right, top, bottom, width, height } = el.getBoundingClientRect();
  const isOn = width > 0 && left >= -1 && right <= innerWidth + 1 && top >= -1 && bottom <= innerHeight + 1;
  const hit = document.elementFromPoint(left + width / 2, top + height / 2);
  return isOn && hit && (el.contains(hit) || hit.contains(el)) ? [] : [`${el.className} ${el.getAttribute('aria-label') ?? el.textContent}`];
}), selector);

test('the table at every size', { timeout: 300_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);
  const atEverySize = async (run) => {
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await run(`${width}×${height}`, width, height);
    }
  };

  await t.test('toasts never lie over hand, decks, prompt or line, whatever they say', async () => {
    await atEverySize(async (size) => {
      const table = tableWith({ complete: 2, names: NAMES });
      for (const route of ['table', 'watch']) {
        const seen = route === 'watch' ? { ...table, view: { ...table.view, viewer: 'watcher', choices: null } } : table;
        const notices = TEXTS.slice(-5).map((text, index) => notice(index, text, index % 2 ? 'letter' : 'note'));
        await drawTable(page, seen, {}, { route, state: { notices } });
        assert.notEqual(await page.locator('#shown .toasts').evaluate((el) => getComputedStyle(el).overflowY), 'visible');
        assert.deepEqual(await covered(page, '#shown .toasts', '#shown :is(.hand, .decks, .prompt, .line)'), [], `${size}, ${route}`);
      }
    });
  });

  await t.test('a toast holds whatever is written, and its buttons', async () => {
    for (const text of TEXTS) {
      await page.setViewportSize({ width: 390, height: 844 });
      await drawTable(page, tableWith({ names: NAMES }), {}, { route: 'watch', welcome: { invites: { received: [], sent: [] } }, state: { notices: [notice(1, text)] } });
      assert.deepEqual(await unreachable(page, '#shown .toast .btn'), [], text.slice(0, 20));
    }
  });

  await t.test('what others write stays in its line, however it is drawn', async () => {
    await page.setViewportSize(DESKTOP.viewport);
    const table = tableWith({ names: NAMES });
    await drawTable(page, table, {});
    for (const text of TEXTS) await page.evaluate((update) => globalThis.fabricated.hear(update), message(text, { table: table.table, from: NAMES.second }));
    const faults = await page.evaluate(() => [...document.querySelectorAll('#shown .msgs p')].filter((line) => getComputedStyle(line).overflowY !== 'clip')
      .map((line) => line.textContent?.slice(0, 20)));
    assert.deepEqual(faults, []);
    assert(await page.locator('#shown .msgs').evaluate((el) => el.scrollWidth <= el.clientWidth), 'nothing sticks out to the side');
  });

  await t.test('moves, messages and cards can be opened, begin at their newest entry, and do not hide it when they grow', async () => {
    await atEverySize(async (size, width, height) => {
      const table = tableWith({ names: NAMES, log: LOG });
      await drawTable(page, table, {});
      const lines = Array.from({ length: 40 }, (_, index) => message(`line ${index}`, { table: table.table, from: NAMES.second }));
      await page.evaluate((updates) => updates.forEach(globalThis.fabricated.hear), lines);
      const isNarrow = width <= 900 && height > width || height <= 520;
      for (const [name, selector] of [['Moves', '.moves'], ['Messages', '.msgs']]) {
        if (isNarrow) await page.locator('#shown .panels').getByRole('button', { name }).click();
        const list = page.locator(`#shown ${selector}`);
        const left = () => list.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight);
        await page.waitForFunction((selector) => {
          const el = document.querySelector(`#shown ${selector}`);
          return el && el.clientHeight > 0 && el.scrollHeight - el.scrollTop - el.clientHeight < 14;
        }, selector).catch(async () => assert.fail(`${size}: ${name} is ${await left()} px from its end`));
        if (name === 'Messages') {
          await page.evaluate((update) => globalThis.fabricated.hear(update), message('newest', { table: table.table, from: NAMES.second }));
          await page.waitForTimeout(20);
          assert(await left() < 14, `${size}: the newest line is in sight`);
          await list.evaluate((el) => (el.scrollTop = 0));
          await page.waitForTimeout(50);
          await page.evaluate((update) => globalThis.fabricated.hear(update), message('later', { table: table.table, from: NAMES.second }));
          await page.waitForTimeout(20);
          assert.equal(await list.evaluate((el) => el.scrollTop), 0, `${size}: who reads further up stays there`);
          await list.evaluate((el) => (el.scrollTop = el.scrollHeight));
          await page.waitForTimeout(50);
        }
      }
      if (isNarrow) {
        await page.locator('#shown .panels').getByRole('button', { name: 'Cards' }).click();
        await page.locator('#shown .tracker').waitFor();
        await page.keyboard.press('Escape');
        await page.locator('#shown .hand').waitFor();
      }
    });
  });

  await t.test('unread messages are counted at every size', async () => {
    await atEverySize(async (size, width, height) => {
      const table = { ...tableWith({ names: NAMES }), table: `0192f0c1-7b1e-7a3c-9d58-${String(width).padStart(6, '0')}${String(height).padStart(6, '0')}` };
      await drawTable(page, table, {});
      await page.evaluate((update) => globalThis.fabricated.hear(update), message('hello', { from: 'Ravi', to: WIDEST, sent_ms: table.started_ms + 1 }));
      if (width <= 900 && height > width || height <= 520) {
        await page.locator('#shown .panels .badge').waitFor();
        await page.locator('#shown .panels').getByRole('button', { name: 'Messages' }).click();
      }
      const pane = page.locator('#shown .pane-messages');
      await pane.getByText('hello').waitFor();
      await pane.getByRole('button', { name: 'Block Ravi' }).waitFor();
      assert.equal(await page.locator('#shown .toast', { hasText: 'hello' }).count(), 0, size);
    });
  });

  await t.test('hands, decks, flags and the other side\'s cards are whole, with nine cards in hand, and ranks have their symbols', async () => {
    await atEverySize(async (size, width, height) => {
      const icons = width <= 900 && height > width || height <= 520 ? ', .panels button' : '';
      const hand = ['r10', 'o10', 'y10', 'g10', 'b10', 'Co', 'Re', 'Al', 'De'];
      for (const held of [hand, hand.slice(0, 7)]) {
        const table = tableWith({ complete: 9, names: NAMES, hand: held });
        await drawTable(page, table, {}, { welcome: { invites: { received: [], sent: [] } } });
        assert.deepEqual(await unreachable(page, `#shown :is(.hand .card, .deck, .far .backs${icons})`), [], size);
        const cut = await page.evaluate(() => [...document.querySelectorAll('#shown :is(.hand, .cols) .card .idx')].flatMap((idx) => {
          const words = document.createRange();
          words.selectNodeContents(idx);
          const [inner, outer] = [words, idx].map((part) => part.getBoundingClientRect());
          const over = Math.max(outer.left - inner.left, inner.right - outer.right);
          return over > 0.5 ? [`${idx.closest('.hand') ? 'hand' : 'line'} ${idx.parentElement?.dataset.card} by ${over}`] : [];
        }));
        assert.deepEqual([...new Set(cut)], [], size);
      }
    });
  });

  await t.test('a guest who became an account during the game sits there by the new name', async () => {
    await drawTable(page, tableWith({ names: { first: 'Guest-1', second: 'Ben' } }), {}, { welcome: { you: { name: 'Mira', guest: false } } });
    await page.locator('#shown .me').getByText('Mira').waitFor();
    assert.equal(await page.getByText('Guest-1').count(), 0);
  });

  await t.test('a watcher sees both hands that are open', async () => {
    await atEverySize(async (size) => {
      const table = tableWith({ names: NAMES });
      Object.assign(table.view, { viewer: 'watcher', choices: null });
      table.view.hands = { first: { cards: ['r10', 'o10', 'Tr', 'De', 'Re', 'Sc', 'y10'], troops: 3, tactics: 4 }, second: { cards: ['g10', 'b10', 'p10', 'r1', 'r2', 'r3', 'Al'], troops: 6, tactics: 1 } };
      await drawTable(page, table, {}, { route: 'watch', welcome: { invites: { received: [], sent: [] } } });
      assert.deepEqual(await unreachable(page, '#shown :is(.far .backs .card, .hand-backs .backs .card)'), [], size);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('#shown :is(.far, .me) .name')].filter((name) => name.clientWidth < 40).map((name) => name.clientWidth)), [], `${size}: names are more than a letter`);
    });
  });

  await t.test('a replay says what happened, and every step can be pressed', async () => {
    await atEverySize(async (size, width) => {
      const table = tableWith({ names: NAMES, log: Array.from({ length: 1_200 }, () => ({ seat: 'first', text: 'claim 8' })) });
      Object.assign(table.view, { viewer: 'watcher', choices: null });
      table.view.hands = { first: { cards: ['r10', 'o10', 'Tr', 'De', 'Re', 'Sc', 'y10'], troops: 3, tactics: 4 }, second: { cards: ['g10', 'b10', 'p10', 'r1', 'r2', 'r3', 'Al'], troops: 6, tactics: 1 } };
      const game = { ...table, entries: [], views: [], accounts: table.names, ended_ms: table.last_ms, ending: { winner: 'first', reason: 'breakthrough' } };
      game.views[1_199] = game.views[1_200] = table.view;
      for (const [at, failed] of [[1_200, null], [600, { code: 'unreachable' }]]) {
        game.views[599] = table.view;
        await drawTable(page, table, { replay: { id: table.table, game, failed: null }, replayAt: at, replayFailed: failed }, { route: 'game' });
        assert.deepEqual(await unreachable(page, '#shown :is(.scrub > *, .say, .far .backs .card, .hand-backs .backs .card, .deck)'), [], `${size}, ${at}`);
        const cut = await page.evaluate(() => [...document.querySelectorAll('#shown :is(.say, .scrub, .scrub .num)')].filter((el) =>
          el.scrollWidth > el.clientWidth + 1 || el.scrollHeight > el.clientHeight + 1 || el.clientWidth < 30).map((el) => `${el.className} ${el.textContent}`));
        // Where there is a mouse, its title has the rest of what two such names make too long.
        assert.deepEqual(width > 900 ? cut.filter((el) => !el.startsWith('say')) : cut, [], `${size}, ${at}`);
        assert(await page.evaluate(() => [...document.querySelectorAll('#shown :is(.far, .me) .name')].every((name) => name.clientWidth >= 40)), `${size}: names are more than a letter`);
      }
    });
  });
});

test('the lobby keeps every action, whatever the names', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const { page } = await world.person('Ann', DESKTOP);
  const rows = (count) => Array.from({ length: count }, (_, index) => `${String.fromCharCode(65 + index)}${'W'.repeat(19)}`);
  const row = (table, first, second) => ({ table, names: { first, second }, number: 99, flags: '1--2-----', watchers: 99 });
  await drawTable(page, tableWith(), {});
  const draw = (list) => page.evaluate(async ({ list, names, tables }) => {
    const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[type="module"]'));
    const load = (path) => import(new URL(path, script.src).href);
    const [{ patch }, { page: whole }, lobby] = await Promise.all(['render.js', 'shell.js', 'screens/lobby.js'].map(load));
    const state = globalThis.fabricated.state();
    const rows = list === 'tables' ? { tables } : { players: names.map((name, index) => ({ name, guest: true, table: index % 2 ? tables[index % tables.length] : null })) };
    const shown = list === 'tables' ? tables : /** @type {any} */ (rows).players;
    const page = { query: { list, search: '', free_only: false, page: 0 }, players: 24, tables: 12, matching: 24, rows };
    const options = { rules: { tactics: 'on', claim_timing: 'any', environment: 'fixed' }, claim_hints: true, talk: 'everyone' };
    const invites = { received: [{ name: names[0], options, expires_ms: state.ui.nowMs + 60_000 }], sent: [{ name: names[1], options, expires_ms: state.ui.nowMs + 60_000 }] };
    const next = { ...state, you: { name: names[2], guest: true }, seat: null, invites, route: { name: 'lobby', id: '' }, lobby: page, shown: { page, rows: shown.map((row) => ({ row, gone: false })), changes: 0 }, ui: { ...state.ui, query: page.query },
      games: { saved: [{ table: 't', names: { first: names[2], second: names[3] }, number: 5, flags: '1--2-----', turn: 'first', last_ms: 1, expires_ms: 1795000000000 }], finished: [] } };
    patch(globalThis.fabricated.root, whole(next, { ui: () => {}, ask: async () => ({ update: 'done' }), go: () => {} }, lobby, { dialog: null }));
  }, { list, names: rows(24), tables: rows(12).map((name, index) => row(`t${index}`, name, rows(24)[index + 12])) });
  for (const [width, height] of [...SIZES, [900, 600], [500, 900], [1100, 700]]) {
    await page.setViewportSize({ width, height });
    for (const list of ['players', 'tables']) {
      await draw(list);
      const faults = await page.evaluate(() => [...document.querySelectorAll('#shown :is(.people tbody tr .acts > *, .inv .btn, .own-table .btn)')].flatMap((el) => {
        const { left, right, width } = el.getBoundingClientRect();
        const outer = el.closest('.people-wrap, .box')?.getBoundingClientRect();
        return width >= 24 && outer && left >= outer.left - 1 && right <= outer.right + 1 && right <= innerWidth + 1 ? [] : [el.textContent];
      }));
      assert.deepEqual(faults, [], `${width}×${height}, ${list}`);
      assert(await page.evaluate(() => [...document.querySelectorAll('#shown .people .who a')].every((name) => name.getBoundingClientRect().width > 20)), `${width}: names are there`);
      assert.equal(await page.locator('#shown .people .who .name-in').first().getAttribute('title'), rows(1)[0]);
    }
  }
});
