// What a hand does at the table: drags, takes back, claims too early, talks, comes back after a reload, plays again.

import assert from 'node:assert/strict';
import test from 'node:test';

import { boardOf, nameOf, playAll } from './board.js';
import { DESKTOP, PHONE, pictures } from './chromium.js';
import { recorded, vectorsMissing } from './recorded.js';
import { World } from './world.js';

const skip = vectorsMissing();

/** Steps after which the first seat has three ones at flag 9 that three green cards could still beat. */
const PLAYED = 47;

const said = (person) => person.page.locator('.say').textContent();
const says = (person, words) => person.page.locator('.say', { hasText: words }).waitFor();

/** Moves the pointer from the middle of one place to the middle of another, with the button down. */
async function dragTo(person, from, to) {
  const middle = async (locator) => {
    const { x, y, width, height } = await locator.boundingBox();
    return [x + width / 2, y + height / 2];
  };
  const { mouse } = person.page;
  // Waits until the card lies still: one that was dropped elsewhere flies back.
  await from.hover();
  await mouse.move(...await middle(from));
  await mouse.down();
  const [x, y] = await middle(to);
  await mouse.move(x, y, { steps: 6 });
  await mouse.up();
}

test('the hand at the table', { skip, timeout: 600_000 }, async (t) => {
  const game = recorded('game1vs21038');
  const world = await World.start(t, game.decks);
  const ann = await world.person('Ann', DESKTOP);
  const ben = await world.person('Ben', PHONE);
  let table, players, mover, hand;

  await world.stage('play to the middle of a game', async () => {
    await ann.signUp();
    await ben.signUp();
    ({ table, players } = await world.game(ann, ben));
    await playAll({ ...game, to: PLAYED }, table, players, []);
    const { turn } = ann.table(table).view;
    mover = players[turn];
    await mover.page.setViewportSize(DESKTOP.viewport);
    hand = mover.page.locator('.hand');
  });

  await world.stage('a card dragged to a flag is staged, one dropped elsewhere returns', async () => {
    const before = await boardOf(mover.page);
    const { place } = mover.table(table).view.choices;
    const [card, flags] = Object.entries(place)[0];
    const button = hand.getByRole('button', { name: nameOf(card), exact: true });
    await dragTo(mover, button, mover.page.locator('.far'));
    await says(mover, `${nameOf(card)}: choose a flag`);
    await mover.page.keyboard.press('Escape');
    await says(mover, 'Your turn: choose a card');
    assert.deepEqual(await boardOf(mover.page), before);

    await dragTo(mover, button, mover.page.locator('.col').nth(flags[0]));
    await says(mover, `${nameOf(card)} to flag ${flags[0] + 1}`);
    await mover.page.getByText('Not sent yet').waitFor();
    const staged = await boardOf(mover.page);
    assert(staged.flags[flags[0]].ours.includes(card) && !staged.hand.includes(card));
    await pictures(mover.page, 'staged');

    await mover.page.keyboard.press('z');
    await says(mover, 'choose a flag');
    await mover.page.keyboard.press('Escape');
    await says(mover, 'Your turn: choose a card');
    assert.deepEqual(await boardOf(mover.page), before);
  });

  await world.stage('a reload forgets the staged card, and keeps the places of the hand', async () => {
    const before = await boardOf(mover.page);
    const places = () => hand.locator(':scope > *').evaluateAll((cards) => cards.map((card) => card.dataset.card ?? ''));
    const order = await places();
    const [card, flags] = Object.entries(mover.table(table).view.choices.place)[0];
    await hand.getByRole('button', { name: nameOf(card), exact: true }).click();
    await mover.page.locator('.col').nth(flags[0]).getByRole('button', { name: /^Flag/ }).click();
    await mover.page.getByText('Not sent yet').waitFor();
    await mover.reload(table);
    assert.deepEqual(await boardOf(mover.page), before);
    assert.deepEqual(await places(), order);
  });

  await world.stage('a claim too early is answered with what could beat it, and costs nothing', async () => {
    const before = await boardOf(mover.page);
    const { claim, provable } = mover.table(table).view.choices;
    const flag = claim.find((index) => !provable.includes(index));
    await mover.page.locator('.line').getByRole('button', { name: new RegExp(`^Flag ${flag + 1}\\b`) }).click();
    const proof = mover.page.getByRole('dialog', { name: `Flag ${flag + 1}: not proven yet` });
    await proof.waitFor();
    const { counter } = mover.frames.findLast(({ update }) => update === 'refused');
    const shown = (selector) => proof.locator(selector).evaluateAll((cards) => cards.map((card) => card.dataset.card));
    assert.deepEqual(await shown('figure:first-child .card'), [...counter.laid, ...counter.missing]);
    assert.deepEqual(await shown('.card.maybe'), counter.missing);
    const held = counter.missing.filter((card) => before.hand.includes(card));
    for (const card of held) assert.match(await proof.textContent(), new RegExp(`You hold .*${nameOf(card)}`));
    await pictures(mover.page, 'refused');
    await proof.getByRole('button', { name: 'Back to my turn' }).click();
    await proof.waitFor({ state: 'detached' });
    assert.deepEqual(await boardOf(mover.page), before);
  });

  await world.stage('a turn is played by keyboard alone', async () => {
    const { tip, view: { choices, decks } } = mover.table(table);
    const [card, flags] = Object.entries(choices.place)[0];
    await mover.page.keyboard.press('Tab');
    await hand.getByRole('button', { name: nameOf(card), exact: true }).focus();
    await mover.page.keyboard.press('Enter');
    await says(mover, `${nameOf(card)}: choose a flag`);
    await mover.page.locator('.line').getByRole('button', { name: new RegExp(`^Flag ${flags[0] + 1}\\b`) }).focus();
    await mover.page.keyboard.press('Enter');
    await mover.page.locator('.deck:focus').waitFor();
    assert.match(await mover.page.locator('.deck:focus').getAttribute('aria-label'), /^Troops/);
    await mover.page.keyboard.press('Enter');
    await mover.until(() => mover.table(table).tip.number === tip.number + 2, 'the turn to be accepted');
    assert.equal(mover.table(table).view.decks.troops, decks.troops - 1);
  });

  await world.stage('words are shown as they are, to the other seat', async () => {
    const text = 'well <b>played</b> 🙂';
    // On a phone the words are behind a button that counts them until they are read.
    await ben.page.setViewportSize(PHONE.viewport);
    await ben.page.getByRole('button', { name: 'Messages', exact: true }).waitFor();
    await ann.page.getByLabel('Message to Ben').fill(text);
    await ann.page.keyboard.press('Enter');
    await ben.press(ben.page.getByRole('button', { name: 'Messages, 1 new' }));
    await ben.page.locator('.msgs').getByText(text).waitFor();
    await ben.press(ben.page.getByRole('button', { name: 'Table', exact: true }));
  });

  await world.stage('who gives up loses, and may be invited again', async () => {
    await ben.press(ben.button('Table menu'));
    await ben.press(ben.button('Resign'));
    await ben.press(ben.page.getByRole('dialog').getByRole('button', { name: 'Resign', exact: true }));
    await ann.seesWinner('Ann');
    await ben.seesWinner('Ann');
    await ann.press(ann.button('Show the table'));
    assert.match(await said(ann), /^You won/);
    await ann.press(ann.button('Summary'));
    await ann.press(ann.button('Invite again'));
    await ben.accept('Ann');
    const again = await ann.until(() => ann.table().table !== table, 'another table').then(() => ann.table().table);
    await ben.seatedAt(again);
    await ann.seatedAt(again);
    assert.equal(ann.table(again).log.length, 0);
  });

  await world.stage('no page complained', async () => {
    for (const person of world.people) person.hadNoFaults();
  });
});
