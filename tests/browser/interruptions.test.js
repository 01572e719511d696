// A game outlives a reload, a second login, being saved, and restarts of the server.

import assert from 'node:assert/strict';
import test from 'node:test';

import { boardOf, playAll } from './board.js';
import { DESKTOP, pictures } from './chromium.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

/** The board without the words above the hand: they differ between who plays and who was taken over. */
const cards = async (page) => ({ ...(await boardOf(page)), prompt: '' });

test('a game interrupted in every way is played to its end', { skip, timeout: 600_000 }, async (t) => {
  const game = recorded('game2vs11220');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  let table, players;
  const play = (from, to) => playAll({ ...game, from, to }, table, players, []);

  await world.stage('start', async () => {
    await ann.signUp();
    await ben.signUp();
    ({ table, players } = await world.game(ann, ben));
    await play(0, 12);
  });

  await world.stage('a reload shows the same board', async () => {
    for (const person of [ann, ben]) {
      const board = await boardOf(person.page);
      await person.reload(table);
      assert.deepEqual(await boardOf(person.page), board);
    }
    await play(12, 14);
  });

  await world.stage('a second login takes over, and the first window takes back', async () => {
    const elsewhere = await world.person('Ann', DESKTOP);
    await elsewhere.logIn();
    await elsewhere.seatedAt(table);
    await ann.isTakenOver();
    assert.deepEqual(await cards(elsewhere.page), await cards(ann.page));
    await ann.takeBack();
    await elsewhere.isTakenOver();
    await elsewhere.close();
    await play(14, 18);
  });

  await world.stage('save, restart the server, resume', async () => {
    const board = await boardOf(ben.page);
    await ann.save();
    await ben.until(() => ben.closed(table) === 'saved', 'the game to be saved');
    await world.server.restart();
    await ann.toLobby();
    await ben.toLobby();
    await ben.resume('Ann');
    await ann.accept('Ben');
    await ben.seatedAt(table);
    await ann.seatedAt(table);
    assert.deepEqual(await boardOf(ben.page), board);
  });

  await world.stage('the server restarts in the middle of a game', async () => {
    await play(18, 22);
    await world.server.restart();
    await ann.isConnected();
    await ben.isConnected();
  });

  await world.stage('Redis stands still: play goes on, and says that it is not saved yet', async () => {
    const says = (person, words) => person.page.locator('.net').getByText(words).waitFor();
    for (const person of [ann, ben]) await says(person, /^Saved, move/);
    world.server.signalRedis('SIGSTOP');
    await play(22, 26);
    for (const person of [ann, ben]) {
      await says(person, 'Not saved yet');
      assert(person.table(table).view && person.table(table).unsaved > 0);
    }
    await pictures(ann.page, 'unsaved');
    const backs = (person) => person.page.locator('.hand .card.back').count();
    assert(await backs(ann) + await backs(ben) > 0, 'what is drawn unsaved is not shown yet');
    world.server.signalRedis('SIGCONT');
    for (const person of [ann, ben]) await says(person, /^Saved, move/);
    for (const person of [ann, ben]) await person.page.locator('.hand .card.back').first().waitFor({ state: 'detached' });
  });

  await world.stage('Redis dies: it is started again, and play goes on', async () => {
    world.server.signalRedis('SIGKILL');
    await play(26, 30);
    for (const person of [ann, ben]) await person.page.locator('.net').getByText(/^Saved, move/).waitFor();
  });

  await world.stage('the rest is played to the end', async () => {
    await play(30, game.steps.length);
    for (const person of [ann, ben]) {
      assert.equal(person.table(table).view.ending.winner, game.winner);
      await person.seesWinner(players[game.winner].name);
      person.wasSentNoSecrets(game);
    }
  });
});
