// Addresses and what is at them: broken ones, redirects and Back, games that are over, saved or unknown; and who is a guest.

/* global NodeFilter, PopStateEvent, dispatchEvent, document, history, location */

import assert from 'node:assert/strict';
import test from 'node:test';

import { boardOf, playAll } from './board.js';
import { DESKTOP, PHONE } from './chromium.js';
import { tableWith } from './fabricated.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();
const path = (page) => new URL(page.url()).pathname;
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
const at = (page, wanted) => page.waitForFunction((wanted) => location.pathname === wanted, wanted);

test('addresses', { skip, timeout: 300_000 }, async (t) => {
  const game = recorded('game2vs11220');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  let table, players;

  await world.stage('a broken address shows a page that works', async () => {
    for (const address of ['/player/%', '/player/%zz', '/table/%E0%A4', '/player/', '/rules/more', '/watch']) {
      await ann.page.goto(address);
      await ann.page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    }
    // By a link inside the page, too.
    await ann.page.goto('/rules');
    await ann.page.evaluate(() => document.body.insertAdjacentHTML('afterbegin', '<a href="/player/%" id="odd">odd</a>'));
    await ann.page.locator('#odd').click();
    await ann.page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
    await ann.page.getByRole('link', { name: 'Lobby' }).first().click();
    await ann.button('Play as a guest').waitFor();
    ann.hadNoFaults();
  });

  await world.stage('who is logged in is led off the login page, and Back is no trap', async () => {
    await ann.page.goto('/rules');
    await ann.page.getByRole('link', { name: 'Log in' }).click();
    const guests = [];
    ann.page.on('request', (request) => request.url().endsWith('/api/guest') && guests.push(request));
    await ann.button('Play as a guest').dblclick();
    await ann.until(() => ann.live, 'the welcome');
    assert.equal(guests.length, 1, 'asked once');
    await at(ann.page, '/');
    const { name } = ann.frames.findLast(({ update }) => update === 'welcome').you;
    await ann.page.goBack();
    await at(ann.page, '/rules');
    await ann.page.goForward();
    await at(ann.page, '/');
    for (const go of [() => ann.page.goto('/login'), () => ann.page.evaluate(() => history.pushState(null, '', '/login')).then(() => ann.page.goBack()).then(() => ann.page.goForward())]) {
      await go();
      await at(ann.page, '/');
      await ann.page.getByRole('link', { name: `${name}, your account` }).waitFor();
    }
    assert.equal(await ann.button('Play as a guest').count(), 0);
    // Whatever else the browser has forgotten: the cookie counts.
    for (const [address, lands] of [['/rules', '/rules'], ['/login', '/']]) {
      await ann.page.evaluate(() => localStorage.clear());
      await ann.page.goto(address);
      await at(ann.page, lands);
      await ann.page.getByRole('link', { name: `${name}, your account` }).waitFor();
    }
    await ann.page.getByText(/If you don’t come back before .+ at .+, this guest and its games are lost\./).waitFor();
  });

  await world.stage('a guest is not lost without a yes', async () => {
    const { name } = ann.frames.findLast(({ update }) => update === 'welcome').you;
    await ann.page.getByRole('link', { name: 'Keep this account: choose a password' }).click();
    for (const [button, title] of [['Log out', 'Log out and lose this guest?'], ['Delete permanently', 'Delete this account?']]) {
      await ann.exactly(button).click();
      const dialog = ann.page.getByRole('dialog', { name: title });
      await dialog.waitFor();
      assert.equal(await ann.page.evaluate(() => document.activeElement?.textContent), 'Cancel');
      await ann.page.keyboard.press('Enter');
      await dialog.waitFor({ state: 'detached' });
      assert.equal(await ann.page.evaluate(() => document.activeElement?.textContent), button, 'the focus is back');
    }
    // A login page that was open before another tab became a guest.
    const stale = await world.person('Stale', DESKTOP);
    await stale.button('Play as a guest').waitFor();
    await stale.page.evaluate(() => fetch('/api/guest', { method: 'POST' }));
    const first = await stale.page.evaluate(() => fetch('/api/me').then((reply) => reply.json()));
    await stale.page.getByLabel('Name').fill('Somebody');
    await stale.page.getByLabel('Password').fill('correct horse battery');
    await stale.button('Log in').last().click();
    await stale.page.getByRole('dialog', { name: `Give up ${first.name}?` }).getByRole('button', { name: 'Cancel' }).click();
    await stale.button('Play as a guest').click();
    await stale.until(() => stale.live, 'the welcome');
    assert.equal(stale.frames.find(({ update }) => update === 'welcome').you.name, first.name, 'the same guest');
    await stale.close();
    world.people.pop();
    await ann.exactly('Log out').click();
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
    await ann.button('Play as a guest').waitFor();
    ann.frames.length = 0;
    assert.match(name, /^Guest-/);
  });

  await world.stage('every redirect replaces the address', async () => {
    await ann.signUp();
    await ben.signUp();
    ({ table, players } = await world.game(ann, ben));
    await playAll({ ...game, to: 4 }, table, players, []);
    const player = ann;
    // From the own game watched, and from the login page, to the table and the lobby.
    for (const [address, lands] of [[`/watch/${table}`, `/table/${table}`], ['/login', `/table/${table}`]]) {
      await player.page.goto('/rules');
      await player.page.goto(address);
      await at(player.page, lands);
      await player.page.goBack();
      await at(player.page, '/rules');
    }
    await player.page.goto(`/table/${table}`);
    await player.seatedAt(table);
    await player.page.evaluate((table) => {
      history.pushState(null, '', '/rules');
      history.pushState(null, '', `/watch/${table}`);
      dispatchEvent(new PopStateEvent('popstate'));
    }, table);
    await at(player.page, `/table/${table}`);
    await player.page.goBack();
    await at(player.page, '/rules');
    await player.page.goto(`/table/${table}`);
    await player.seatedAt(table);
  });

  await world.stage('a saved game says so at its address, and is resumed there', async () => {
    const board = await boardOf(ben.page);
    await ann.save();
    await ben.until(() => ben.closed(table) === 'saved', 'the game to be saved');
    for (const person of [ann, ben]) {
      await person.page.goto(`/table/${table}`);
      await person.page.getByRole('heading', { name: 'The game is saved' }).waitFor();
      assert.equal(await person.page.getByRole('link', { name: 'Replay' }).count(), 0);
    }
    // Who drops it is asked first, and told that the other still has it.
    for (const answer of ['Cancel', 'Drop game']) {
      await ann.page.goto('/');
      await ann.button('Drop game with Ben').click();
      const dialog = ann.page.getByRole('dialog', { name: 'Drop your game with Ben?' });
      await dialog.getByText('Ben isn’t told and still has it').waitFor();
      await dialog.getByRole('button', { name: answer }).click();
      await dialog.waitFor({ state: 'detached' });
      await ann.button('Resume with Ben').waitFor({ state: answer === 'Cancel' ? 'visible' : 'detached' });
      assert.equal(await focused(ann.page), answer === 'Cancel' ? 'Drop game with Ben' : 'Your games');
    }
    await ben.page.getByText(/kept until \S/).waitFor();
    await ben.resume('Ann');
    await ann.accept('Ben');
    await ben.seatedAt(table);
    await ann.seatedAt(table);
    assert.deepEqual(await boardOf(ben.page), board);
  });

  await world.stage('a game that is over says how it ended, after a reload too, with a rematch', async () => {
    await ann.page.getByRole('button', { name: 'Table menu' }).click();
    await ann.button('Resign').click();
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Resign', exact: true }).click();
    await ben.seesWinner('Ben');
    for (const [person, title] of /** @type {const} */ ([[ben, /^You won/], [ann, /^Ben won/]])) {
      for (const address of [`/table/${table}`, `/watch/${table}`]) {
        const asked = person.page.waitForResponse((response) => response.url().includes('/api/game/'));
        await person.page.goto(address);
        assert.equal((await (await asked).json()).views.length, 1, 'only what is shown is fetched');
        await person.page.getByRole('heading', { name: title }).waitFor();
        assert.equal(await person.page.locator('.over-board .col').count(), 9, 'the last board');
        await person.page.getByRole('link', { name: 'Replay' }).waitFor();
      }
    }
    // Whoever reads his own page is online.
    await ann.page.goto('/player/Ann');
    await ann.page.locator('.player-facts').getByText('Online', { exact: true }).waitFor();
    await ben.exactly('Invite again').click();
    await ann.accept('Ben');
    const again = await ann.until(() => ann.table() && ann.table().table !== table, 'another table').then(() => ann.table().table);
    await ben.seatedAt(again);
    const wim = await world.person('Wim', PHONE);
    await wim.signUp();
    await wim.page.goto('/table/0192f0c1-7b1e-7a3c-9d58-2f6b7c8d9e0f');
    await wim.page.getByRole('heading', { name: 'No such game' }).waitFor();
    await wim.page.goto(`/table/${again}`);
    await at(wim.page, `/watch/${again}`);
    assert.equal(path(wim.page), `/watch/${again}`, 'a game of others is watched');
    await wim.until(() => wim.table()?.view.viewer === 'watcher', 'the table to be shown');
  });
});

test('a long replay', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const ann = await world.person('Ann', DESKTOP);
  const table = '0192f0c1-7b1e-7a3c-9d58-2f6b7c8d9e0f';
  // No game that can be played in a test is as long: what the server gives is made up here, and given as it would.
  const { view, ...rest } = tableWith({});
  const count = 1_001;
  const views = Array.from({ length: count }, (_, number) => ({ ...view, choices: null, decks: { ...view.decks, troops: number } }));
  const log = Array.from({ length: count - 1 }, (_, index) => ({ seat: index % 2 ? 'second' : 'first', text: 'pass' }));
  const game = { ...rest, table, log, accounts: rest.names, ended_ms: rest.last_ms, ending: { winner: 'first', reason: 'resignation' }, entries: [{ record: 'start', time_ms: 1 }] };
  const asked = [];
  let isAway = false;
  await ann.page.route(`**/api/game/${table}*`, async (route) => {
    const wanted = new URL(route.request().url()).searchParams.get('views');
    asked.push(wanted);
    if (isAway) return route.abort();
    const [from, last] = (wanted ?? '0-399').split('-').map(Number);
    return route.fulfill({ json: { ...game, views: views.slice(from, last + 1), ...(from > 0 ? { views_from: from } : {}) } });
  });
  const shows = (number) => ann.page.getByRole('button', { name: `Troops, ${number.toLocaleString('en')} left` }).waitFor();

  await world.stage('opens at its end, and steps through all of it', async () => {
    await ann.page.goto(`/game/${table}`);
    await shows(1_000);
    assert.deepEqual(asked, [null, '800-1199']);
    // Both sides of a step are fetched, since its words tell what changed.
    await ann.page.goto(`/game/${table}?move=801`);
    await shows(801);
    await ann.page.keyboard.press('ArrowLeft');
    await shows(800);
    await ann.page.keyboard.press('ArrowLeft');
    await shows(799);
    await ann.page.keyboard.press('Home');
    await shows(0);
    assert.deepEqual(asked.slice(2), [null, '800-1199', '400-799']);
  });

  await world.stage('says what could not be fetched, and tries again', async () => {
    await ann.page.goto(`/game/${table}?move=10`);
    await shows(10);
    isAway = true;
    await ann.page.getByRole('slider').focus();
    await ann.page.keyboard.press('End');
    await ann.page.getByText('The server cannot be reached').waitFor();
    isAway = false;
    await ann.button('Try again').click();
    await shows(1_000);
  });
});

test('a clock that jumps, and a page that is translated', { timeout: 120_000 }, async (t) => {
  const world = await World.start(t);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  await ann.signUp();
  await ben.signUp();
  await ann.invite('Ben');
  const left = async () => {
    const [minutes, seconds] = (/(\d+):(\d\d)/.exec(await ben.page.locator('.invites .num').first().textContent() ?? '') ?? []).slice(1).map(Number);
    return minutes * 60 + seconds;
  };

  await world.stage('an invite counts on whatever the clock says', async () => {
    await ben.button('Accept Ann').waitFor();
    for (const hours of [-1, 6]) {
      const before = await left();
      await ben.page.evaluate((ms) => {
        const real = Date.now.bind(Date);
        Date.now = () => real() + ms;
      }, hours * 3_600_000);
      await ben.page.waitForTimeout(2_500);
      const after = await left();
      assert(after < before && after > before - 10, `${hours} h: ${before} s left, then ${after} s`);
      assert.equal(await ben.button('Accept Ann').count(), 1);
    }
  });

  await world.stage('the words that a translation put there stay until they change', async () => {
    const translate = () => ben.page.evaluate(() => {
      const walker = document.createTreeWalker(/** @type {Element} */ (document.querySelector('#app')), NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) texts.push(walker.currentNode);
      for (const text of texts) {
        const outer = document.createElement('font');
        const inner = outer.appendChild(document.createElement('font'));
        inner.textContent = `¡${text.nodeValue}!`;
        text.parentNode?.replaceChild(outer, text);
      }
      return texts.length;
    });
    assert(await translate() > 20);
    await ben.page.waitForTimeout(2_500);
    const own = await ben.page.evaluate(() => [...document.querySelectorAll('#app :is(h2, button, a, .muted)')].filter((el) =>
      el.textContent && !el.textContent.includes('¡') && !/\d/.test(el.textContent)).map((el) => el.textContent));
    assert.deepEqual(own, []);
    assert.match(await ben.page.locator('.invites .num').first().textContent() ?? '', /^\d:\d\d$/, 'what changes is the page\'s own again');
    await ben.page.getByRole('button', { name: /Accept/ }).click();
    await ben.until(() => ben.table(), 'the table');
  });
});
