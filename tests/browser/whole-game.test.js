// Two people play a recorded real game to its end by clicking, a third one watches, and all of them see the same.

import assert from 'node:assert/strict';
import test from 'node:test';

import { playAll } from './board.js';
import { DESKTOP, pictures } from './chromium.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

test('a whole game by mouse, with a watcher, to the replay', { skip, timeout: 600_000 }, async (t) => {
  const game = recorded('game1vs21038');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', DESKTOP);
  const wim = await world.person('Wim', DESKTOP);
  let table, players;

  await world.stage('sign up by the form', async () => {
    await pictures(ann.page, 'login');
    for (const person of world.people) await person.signUp();
    await pictures(ann.page, 'lobby');
  });

  await world.stage('invite and accept', async () => {
    ({ table, players } = await world.game(ann, ben));
  });

  await world.stage('a third one watches from the list of tables', async () => {
    await wim.watchFromLobby('Ann');
    await ann.until(() => ann.table(table).watchers === 1, 'one watcher to be counted');
  });

  await world.stage('play to the end by clicking', async () => {
    await playAll(game, table, players, [wim], async (index) => {
      if (index === 60) for (const person of world.people) await pictures(person.page, `table-${person.name}`);
    });
  });

  await world.stage('all three see the same winner', async () => {
    for (const person of world.people) {
      assert.equal(person.table(table).view.ending.winner, game.winner);
      await person.seesWinner(players[game.winner].name);
    }
    await pictures(ann.page, 'end');
  });

  await world.stage('nobody was sent a card he could not know', async () => {
    for (const person of world.people) person.wasSentNoSecrets(game);
  });

  await world.stage('the replay shows the game to its last move', async () => {
    await ann.openReplay(table);
    await pictures(ann.page, 'replay');
    await ann.replaysTo(game);
  });

  await world.stage('no page complained, and none asked another origin', async () => {
    for (const person of world.people) person.hadNoFaults();
  });
});
