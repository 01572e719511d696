// Several tabs and windows of one person: who only reads takes nobody's seat, and who watches can play there with one click.

/* global document */

import assert from 'node:assert/strict';
import test from 'node:test';

import { boardOf, playAll } from './board.js';
import { DESKTOP } from './chromium.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

/** Opens another tab of a person's browser. */
async function tab(person, path) {
  const page = await person.context.newPage();
  await page.goto(path);
  return page;
}

/** How many sessions a person's first page has been welcomed by. */
const welcomes = (person) => person.frames.filter(({ update }) => update === 'welcome').length;
const playHere = (page) => page.getByRole('button', { name: 'Play here' });

test('tabs of one browser share the session', { skip, timeout: 300_000 }, async (t) => {
  const game = recorded('game2vs11220');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  let table, players, played = 8;

  await world.stage('start', async () => {
    await ann.signUp();
    await ben.signUp();
    ({ table, players } = await world.game(ann, ben));
    await playAll({ ...game, to: 8 }, table, players, []);
  });

  await world.stage('pages that need no seat take none, in another tab', async () => {
    const before = welcomes(ann);
    for (const path of ['/rules', '/games', '/player/Ben', '/game/0', '/player/%', '/account', `/watch/${table}`, '/']) {
      const page = await tab(ann, path);
      await page.getByRole('link', { name: 'Ann, your account' }).waitFor();
      await page.locator('main h1').first().waitFor();
      assert.equal(await playHere(page).count(), path === `/watch/${table}` ? 1 : 0, path);
      await page.close();
    }
    assert.equal(welcomes(ann), before);
    assert(ann.live);
    assert.equal(await playHere(ann.page).count(), 0);
  });

  await world.stage('the title of every page says whose turn it is', async () => {
    const mover = players[ann.table(table).view.turn];
    const page = await tab(mover, '/rules');
    await page.waitForFunction(() => document.title.startsWith('Your turn · '));
    assert.match(await mover.page.title(), /^Your turn · .*Nine Flags$/);
    assert.match(await page.locator('link[rel="icon"]').getAttribute('href'), /favicon-turn/);
    await page.close();
  });

  await world.stage('who wants it is called by a sound, and by a notification while nobody looks', async () => {
    const mover = players[ann.table(table).view.turn];
    const waiting = mover === ann ? ben : ann;
    const { page, context } = waiting;
    await context.grantPermissions(['notifications']);
    await page.addInitScript(() => {
      globalThis.calls = [];
      globalThis.AudioContext = /** @type {any} */ (class {
        currentTime = 0;
        createOscillator = () => ({ frequency: {}, connect: (next) => next, start: () => globalThis.calls.push('sound'), stop: () => {} });
        createGain = () => ({ gain: { setValueAtTime: () => {}, exponentialRampToValueAtTime: () => {} }, connect: () => {} });
      });
      globalThis.Notification = /** @type {any} */ (class {
        static permission = 'granted';
        static requestPermission = async () => 'granted';
        close = () => {};
        constructor(words) {
          globalThis.calls.push(words);
        }
      });
    });
    await page.goto('/account');
    for (const label of ['Play a sound', 'Show a notification while this page is hidden']) await page.getByLabel(label).check();
    // What allows notifications is loaded first.
    await page.waitForFunction(() => localStorage.getItem('sound') === 'yes' && localStorage.getItem('notify') === 'yes');
    await page.goto(`/table/${table}`);
    await waiting.seatedAt(table);
    assert.deepEqual(await page.evaluate(() => globalThis.calls), [], 'nothing calls before it is the own turn');
    await page.evaluate(() => Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' }));
    const step = game.steps.findIndex(({ seat }, index) => index >= 8 && players[seat] === waiting);
    await playAll({ ...game, from: 8, to: step }, table, players, []);
    await page.waitForFunction(() => globalThis.calls.length > 0);
    assert.deepEqual(await page.evaluate(() => [...new Set(globalThis.calls)].sort()), ['Your turn', 'sound']);
    await page.waitForFunction(() => document.title.startsWith('Your turn · '));
    await page.locator('link[rel="icon"][href$="favicon-turn.svg"]').waitFor({ state: 'attached' });
    await page.evaluate(() => Reflect.deleteProperty(document, 'visibilityState'));
    played = step;
  });

  await world.stage('a second tab at the table watches, and plays after one click', async () => {
    const second = await tab(ann, `/table/${table}`);
    await second.getByText('This one watches').waitFor();
    assert.deepEqual({ ...(await boardOf(second)), prompt: '' }, { ...(await boardOf(ann.page)), prompt: '' });
    await playAll({ ...game, from: played, to: played + 4 }, table, players, []);
    await second.locator(`.table-app[data-tip="${ann.table(table).tip.number}"]`).waitFor();
    const button = await ann.page.getByRole('button', { name: 'Table menu' }).boundingBox();
    await playHere(second).click();
    await playHere(second).waitFor({ state: 'detached' });
    await playHere(ann.page).waitFor();
    assert.deepEqual(await ann.page.getByRole('button', { name: 'Table menu' }).boundingBox(), button, 'nothing moved');
    await playHere(ann.page).click();
    await playHere(second).waitFor();
    await second.close();
    await playAll({ ...game, from: played + 4, to: played + 6 }, table, players, []);
  });

  await world.stage('another browser that only reads leaves the seat where it is', async () => {
    const elsewhere = await world.person('Ann', DESKTOP);
    await elsewhere.page.goto('/login');
    // The login page itself leads to the lobby, which takes the session; the rules do not.
    await ann.context.storageState().then(({ cookies }) => elsewhere.context.addCookies(cookies));
    const before = welcomes(ann);
    for (const path of ['/rules', '/games', '/player/Ben', '/nowhere/at/all']) {
      await elsewhere.page.goto(path);
      await elsewhere.page.waitForTimeout(1_500);
    }
    assert.equal(welcomes(ann), before);
    assert.equal(await playHere(ann.page).count(), 0);
    await elsewhere.close();
    world.people.pop();
  });

  await world.stage('a page that only reads joins where nobody else does, and hears of the game', async () => {
    const mover = players[ann.table(table).view.turn];
    await mover.page.goto('/rules');
    await mover.until(() => mover.live, 'a session');
    await mover.page.waitForFunction(() => document.title.startsWith('Your turn · '));
    await mover.page.goto(`/table/${table}`);
    await mover.seatedAt(table);
  });

  await world.stage('who closes the tab that plays leaves the session to another one', async () => {
    const rules = await tab(ann, '/rules');
    await rules.getByRole('link', { name: 'Ann, your account' }).waitFor();
    await ann.page.close();
    await rules.getByRole('link', { name: 'Lobby' }).first().click();
    await rules.getByRole('link', { name: 'Back to your table' }).click();
    await rules.getByRole('button', { name: 'Table menu' }).waitFor();
    await rules.locator('.net.good').waitFor();
    ann.page = rules;
  });
});

test('what waits in a tab is not sent by whoever logs in next', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  await ann.signUp();
  await ben.signUp();
  const second = await tab(ann, '/account');
  await second.getByRole('heading', { name: 'Ann', exact: true }).waitFor();
  const network = await ann.context.newCDPSession(ann.page);
  await network.send('Network.enable');
  const online = (isOnline) => network.send('Network.emulateNetworkConditions', { offline: !isOnline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await ann.button('Message Ben').click();
  await ann.page.getByLabel('Your message').fill('from Ann alone');
  await online(false);
  await ann.page.keyboard.press('Enter');
  await ann.page.getByLabel('Your message').fill('half a sen');
  await second.getByRole('button', { name: 'Log out' }).click();
  await second.getByRole('tab', { name: 'Sign up' }).click();
  await second.getByLabel('Name').fill('Yan');
  await second.getByLabel('Password').fill('correct horse battery');
  await second.getByRole('button', { name: 'Create account' }).click();
  await second.getByRole('link', { name: 'Yan, your account' }).waitFor();
  await online(true);
  // The first tab shows the other account, and nothing of what was begun under the one before.
  await ann.page.getByRole('link', { name: 'Yan, your account' }).waitFor();
  assert.equal(await ann.page.getByLabel('Your message').count(), 0);
  await second.getByRole('button', { name: 'Message Ben' }).click();
  await second.getByLabel('Your message').fill('from Yan');
  await second.keyboard.press('Enter');
  await ben.until(() => ben.frames.some(({ update, text }) => update === 'message' && text === 'from Yan'), 'the words of Yan');
  assert(!ben.frames.some(({ update, text, from }) => update === 'message' && (text !== 'from Yan' || from !== 'Yan')), 'and no others');
});
