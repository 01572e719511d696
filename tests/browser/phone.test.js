// A whole game by touch on two phones: every step is a tap, and the page never scrolls.

import assert from 'node:assert/strict';
import test from 'node:test';

import { playAll } from './board.js';
import { PHONE, pictures } from './chromium.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

test('a whole game by touch', { skip, timeout: 600_000 }, async (t) => {
  const game = recorded('game2vs1151');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', PHONE);
  const ben = await world.person('Ben', PHONE);
  let table, players;

  await world.stage('sign up, invite and accept', async () => {
    await pictures(ann.page, 'login');
    await ann.signUp();
    await ben.signUp();
    await pictures(ann.page, 'lobby');
    ({ table, players } = await world.game(ann, ben));
  });

  await world.stage('play to the end by taps', async () => {
    await playAll(game, table, players, [], async (index) => {
      if (index === 60) for (const person of world.people) await pictures(person.page, `table-${person.name}`);
      for (const person of world.people) {
        assert.equal(await person.page.evaluate(() => scrollY + scrollX), 0, 'the table does not scroll');
      }
    });
  });

  await world.stage('both see the same winner, and saw nothing hidden', async () => {
    for (const person of world.people) {
      await person.seesWinner(players[game.winner].name);
      person.wasSentNoSecrets(game);
      person.hadNoFaults();
    }
    await pictures(ann.page, 'end');
  });
});
