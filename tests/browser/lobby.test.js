// Accounts and the lobby by clicks: guests, passwords, messages, blocks, invites taken back, rows that stay in their places.

/* global document */

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP, PHONE } from './chromium.js';
import { World } from './world.js';

test('accounts and the lobby', { timeout: 300_000 }, async (t) => {
  const world = await World.start(t);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', PHONE);
  const gus = await world.person('Gus', DESKTOP);

  await world.stage('a refusal is shown beside its field', async () => {
    await ann.page.getByRole('tab', { name: 'Sign up' }).click();
    await ann.page.getByLabel('Name').fill('A');
    await ann.page.getByLabel('Password').fill('correct horse battery');
    await ann.button('Create account').click();
    await ann.page.getByText('A name has at least 2 characters.').waitFor();
    assert.equal(await ann.page.getByLabel('Name').getAttribute('aria-invalid'), 'true');
    await ann.signUp();
    await ben.signUp();
  });

  await world.stage('a guest becomes an account, logs out and in again', async () => {
    await gus.button('Play as a guest').click();
    await gus.until(() => gus.live, 'the welcome');
    assert.match(gus.frames.at(0).you.name, /^Guest-/);
    await gus.page.getByRole('link', { name: 'your account' }).click();
    await gus.page.getByLabel('Name').fill('Gus');
    await gus.page.getByLabel('Password').fill('correct horse battery');
    await gus.button('Make account').click();
    await gus.page.getByRole('link', { name: 'Gus, your account' }).waitFor();
    await gus.button('Log out').click();
    await gus.button('Play as a guest').waitFor();
    gus.frames.length = 0;
    await gus.logIn();
    const { account, ...you } = gus.frames.at(0).you;
    assert.deepEqual(you, { name: 'Gus', guest: false });
    assert.match(account, /^[0-9a-f-]{36}$/);
    await gus.close();
    world.people.pop();
  });

  await world.stage('messages are words, and a block ends them', async () => {
    const words = '<img src=x onerror=alert(1)> 🙂 abc';
    await ann.button('Message Ben').click();
    await ann.page.getByLabel('Your message').fill(words);
    await ann.button('Send').click();
    await ben.press(ben.button('Answer'));
    await ben.page.getByRole('log').getByText(words).waitFor();
    assert.equal(await ben.page.locator('.lines img').count(), 0);
    await ben.press(ben.button('Block Ann'));
    await ben.button('Unblock Ann').waitFor();
    await ann.page.getByLabel('Your message').fill('Are you there?');
    await ann.button('Send').click();
    await ann.page.getByRole('dialog').getByRole('alert').waitFor();
    await ben.press(ben.button('Unblock Ann'));
    await ben.button('Block Ann').waitFor();
    for (const person of [ann, ben]) await person.press(person.button('Close').last());
  });

  await world.stage('an invite is declined, another one taken back', async () => {
    await ann.invite('Ben');
    await ben.press(ben.button('Decline Ann'));
    await ann.page.getByText('Ben declined').waitFor();
    await ann.invite('Ben');
    await ben.button('Accept Ann').waitFor();
    await ann.button('Retract the invite to Ben').click();
    await ben.button('Accept Ann').waitFor({ state: 'detached' });
    await ann.button('Retract the invite to Ben').waitFor({ state: 'detached' });
    assert.equal(await ann.page.evaluate(() => document.activeElement?.textContent), 'Invites', 'the focus is not lost');
  });

  await world.stage('crossing invites start a game', async () => {
    await ann.invite('Ben');
    await ben.button('Accept Ann').waitFor();
    await ben.invite('Ann');
    const table = await ann.seatedAt();
    await ben.seatedAt(table);
    await ann.page.goto('/');
    await ann.page.getByRole('link', { name: 'Back to your table' }).click();
    await ann.seatedAt(table);
  });

  await world.stage('rows stay in their places while they are pointed at', async () => {
    const wim = await world.person('Wim', DESKTOP);
    await wim.signUp();
    const names = () => wim.page.locator('.people tbody .who a').allTextContents();
    await wim.page.getByRole('link', { name: 'Wim', exact: true }).hover();
    const before = await names();
    const cleo = await world.person('Cleo', DESKTOP);
    await cleo.signUp();
    await wim.button('Show 1 change').waitFor();
    assert.deepEqual(await names(), before);
    // By keyboard: the pointer stays on the rows, and leaving them would show the change as well.
    await wim.button('Show 1 change').press('Enter');
    await wim.page.getByRole('link', { name: 'Cleo', exact: true }).waitFor();
    assert.deepEqual(await names(), ['Ann', 'Ben', 'Cleo', 'Wim']);
    await wim.page.mouse.move(0, 0);
  });

  await world.stage('tabs show each its own page of the lobby, and both are kept up to date', async () => {
    const wim = /** @type {import('./person.js').Person} */ (world.people.find(({ name }) => name === 'Wim'));
    const second = await wim.context.newPage();
    await second.goto('/');
    const names = (page) => page.locator('.people tbody .who a').allTextContents();
    const shows = (page, wanted) => page.waitForFunction((wanted) =>
      [...document.querySelectorAll('.people tbody .who a')].map((link) => link.textContent).join(' ') === wanted, wanted);
    await wim.page.getByLabel('Search by name').fill('z');
    await second.getByLabel('Search by name').fill('Cleo');
    await shows(second, 'Cleo');
    await shows(wim.page, '');
    // Whoever comes is seen in the tab that searches for it, though the other asked last.
    const zoe = await world.person('Zoe', DESKTOP);
    await zoe.signUp();
    await shows(wim.page, 'Zoe');
    assert.deepEqual(await names(second), ['Cleo']);
    // A tab that leaves the lobby does not take it from the other.
    await second.getByRole('link', { name: 'Rules' }).first().click();
    await zoe.close();
    world.people.pop();
    await shows(wim.page, '');
    // Nor does one that looks for a game which is no more.
    await second.goto('/table/0192f0c1-7b1e-7a3c-9d58-2f6b7c8d9e0f');
    await second.getByRole('heading', { name: 'No such game' }).waitFor();
    assert(wim.live, 'the session stays where it was');
    await second.close();
  });

  await world.stage('a dialog goes with its page', async () => {
    const { page } = /** @type {import('./person.js').Person} */ (world.people.find(({ name }) => name === 'Wim'));
    await page.getByRole('link', { name: 'Rules' }).first().click();
    await page.getByRole('link', { name: 'Lobby' }).first().click();
    await page.getByLabel('Search by name').fill('');
    await page.getByRole('button', { name: 'Message Cleo' }).click();
    await page.getByRole('dialog').waitFor();
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.goForward();
    await page.getByRole('button', { name: 'Message Cleo' }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
  });

  await world.stage('a theme is kept', async () => {
    const wim = world.people.find(({ name }) => name === 'Wim');
    await wim?.page.getByRole('link', { name: 'your account' }).click();
    await wim?.page.getByRole('radio', { name: 'Dark' }).check();
    await wim?.page.reload();
    assert.equal(await wim?.page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  });
});
