// Nodes come and go while people play: the browser says one short word, and loses nothing.

/* global document */

import assert from 'node:assert/strict';
import test from 'node:test';

import { boardOf, nameOf, playAll } from './board.js';
import { DESKTOP } from './chromium.js';
import { Cluster } from './cluster.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

test('a game goes on while its nodes are drained and killed', { skip, timeout: 600_000 }, async (t) => {
  const game = recorded('game2vs11220');
  const cluster = await Cluster.start(game.decks);
  const world = await World.around(t, cluster);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  const wim = await world.person('Wim', DESKTOP);
  let table, players;
  const play = (from, to) => playAll({ ...game, from, to }, table, players, [wim]);

  await world.stage('start, with a watcher', async () => {
    for (const person of world.people) await person.signUp();
    ({ table, players } = await world.game(ann, ben));
    await wim.watchFromLobby('Ann');
    await play(0, 10);
  });

  await world.stage('a drained node costs neither the staged card, nor what is being typed', async () => {
    const mover = players[game.steps[10].seat];
    const [card, flags] = Object.entries(mover.table(table).view.choices.place)[0];
    const hand = mover.page.locator('.hand');
    await hand.getByRole('button', { name: nameOf(card), exact: true }).click();
    await mover.page.getByRole('button', { name: new RegExp(`^Flag ${flags[0] + 1}\\b`) }).click();
    await mover.page.getByText('Not sent yet').waitFor();
    await mover.page.getByRole('textbox', { name: /^Message/ }).fill('half a sen');
    const board = await boardOf(mover.page);
    const welcomes = () => world.people.map((person) => person.frames.filter((frame) => frame.update === 'welcome').length);
    const before = welcomes();
    // One after the other, so that whoever was on either has moved.
    for (const node of [0, 1]) {
      await cluster.drain(node);
      await cluster.startAgain(node);
    }
    for (const person of world.people) await person.isConnectedAnew();
    assert(welcomes().every((count, index) => count > before[index]), 'everybody was welcomed by another node');
    assert.deepEqual(await boardOf(mover.page), board);
    assert.equal(await mover.page.getByRole('textbox', { name: /^Message/ }).inputValue(), 'half a sen');
    await mover.page.getByRole('textbox', { name: /^Message/ }).fill('');
    await mover.page.getByRole('button', { name: 'Undo' }).click();
    await mover.page.keyboard.press('Escape');
  });

  await world.stage('the game goes on, and a killed node is not missed', async () => {
    await play(10, 16);
    for (const node of [0, 1]) {
      await cluster.kill(node);
      await cluster.startAgain(node);
      for (const person of world.people) await person.isConnectedAnew();
      await play(16 + node * 6, 22 + node * 6);
    }
  });

  await world.stage('nobody saw a card he could not know', async () => {
    for (const person of world.people) person.wasSentNoSecrets(game);
  });
});

test('a drained node does not move the lobby under the reader', { timeout: 300_000 }, async (t) => {
  const cluster = await Cluster.start(recorded('game2vs11220').decks);
  const world = await World.around(t, cluster);
  const ann = await world.person('Ann', { viewport: { width: 390, height: 500 } });
  for (const name of ['Ben', 'Cleo', 'Dora', 'Eve', 'Finn', 'Gus', 'Hal', 'Ida', 'Jon', 'Kim']) {
    const other = await world.person(name, DESKTOP);
    await other.signUp();
  }
  await ann.signUp();
  await ann.page.getByText('Kim').first().waitFor();
  await ann.page.getByLabel('Search by name').fill('');
  /** Scrolls whatever scrolls there; how far each of them is then. */
  const scrolled = (by) => ann.page.evaluate((most) => [...document.querySelectorAll('*')]
    .filter((element) => element.scrollHeight > element.clientHeight + 40)
    .map((element) => {
      if (most) element.scrollTop = most;
      return element.scrollTop;
    })
    .filter(Boolean), by);
  await scrolled(60);
  const before = await scrolled(0);
  assert(before.length > 0, 'there is something to scroll');
  for (const node of [0, 1]) {
    await cluster.drain(node);
    await cluster.startAgain(node);
  }
  await ann.isConnectedAnew();
  await ann.page.getByText('Kim').first().waitFor();
  assert.deepEqual(await scrolled(0), before);
  ann.hadNoFaultsBut(/WebSocket/);
});
