// The dialogs: what is set and pressed counts, whatever was drawn last.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';

import { draw } from '../../../static/dialogs.js';
import { button, elements, field, later, pageWith, press } from '../pressed.js';

const INVITE = { kind: 'invite', name: 'Ann' };
const REFUSED = { update: 'refused', id: '', code: 'busy', words: 'No.' };
const dialogOf = (page) => page.state.ui.dialog;

/** Sets an option of an invite. */
const set = (drawn, name, value) => press(field(drawn, name, value), undefined, 'change');

test('an invite goes out with all that was set before the page is drawn again', async () => {
  const page = pageWith({ ui: { dialog: INVITE } });
  const drawn = page.drawn(draw);
  set(drawn, 'tactics', 'off');
  set(drawn, 'claims', 'turn_start');
  set(drawn, 'hints', 'off');
  set(drawn, 'talk', 'nobody');
  const wanted = { rules: { tactics: 'off', claim_timing: 'turn_start', environment: 'fixed' }, claim_hints: false, talk: 'nobody' };
  assert.deepEqual(dialogOf(page).options, wanted);
  press(button(drawn, 'Send invite'));
  press(button(drawn, 'Send invite'));
  assert.deepEqual(page.asked, [{ ask: 'invite', to: 'Ann', options: wanted }], 'the second of two quick clicks sends nothing');
  await settled();
  assert.equal(dialogOf(page), null);
  assert.deepEqual(page.state.ui.options, wanted, 'the next invite begins with the same');
});

test('an invite that was cancelled is not sent', () => {
  const page = pageWith({ ui: { dialog: INVITE } });
  const drawn = page.drawn(draw);
  press(button(drawn, 'Cancel'));
  set(drawn, 'tactics', 'off');
  press(button(drawn, 'Send invite'));
  assert.equal(dialogOf(page), null);
  assert.deepEqual(page.asked, []);
});

test('what is set while an invite is on its way outlives its refusal', async () => {
  const page = pageWith({ ui: { dialog: INVITE } });
  const { answer, give } = later();
  page.answer = answer;
  const drawn = page.drawn(draw);
  press(button(drawn, 'Send invite'));
  set(drawn, 'talk', 'players');
  give(REFUSED);
  await settled();
  assert.equal(dialogOf(page).options.talk, 'players');
  assert.equal(dialogOf(page).refused, REFUSED);
  press(button(page.drawn(draw), 'Send invite'));
  assert.deepEqual(page.asked.map(({ options }) => options.talk), ['everyone', 'players']);
});

test('an answer changes no dialog but the one that asked', async () => {
  const page = pageWith({ ui: { dialog: INVITE } });
  const { answer, give } = later();
  page.answer = answer;
  press(button(page.drawn(draw), 'Send invite'));
  page.act.ui('dialog', { kind: 'letters', name: 'Ann' });
  const write = page.drawn(draw).find(({ tag }) => tag === 'form');
  press(write, { preventDefault() {}, currentTarget: { elements: { namedItem: () => ({ value: 'Hello' }) } } }, 'submit');
  page.act.ui('dialog', { kind: 'invite', name: 'Ben' });
  give(REFUSED);
  await settled();
  assert.deepEqual(dialogOf(page), { kind: 'invite', name: 'Ben' });
  assert.equal(page.notices.length, 1, 'the refused invite is told all the same');
});

test('a letter that is refused is not shown in an invite to the same player', async () => {
  const page = pageWith({ ui: { dialog: { kind: 'letters', name: 'Ann' } } });
  page.answer = Promise.resolve(REFUSED);
  const write = page.drawn(draw).find(({ tag }) => tag === 'form');
  press(write, { preventDefault() {}, currentTarget: { elements: { namedItem: () => ({ value: 'Hello' }) } } }, 'submit');
  page.act.ui('dialog', INVITE);
  await settled();
  assert.deepEqual(dialogOf(page), INVITE);
});

test('of two quick clicks a question takes one', () => {
  let runs = 0;
  const page = pageWith({ ui: { dialog: { kind: 'confirm', title: 'Sure?', text: '', yes: 'Yes', run: () => (runs += 1) } } });
  const drawn = page.drawn(draw);
  press(button(drawn, 'Yes'));
  press(button(drawn, 'Yes'));
  assert.equal(runs, 1);
  assert.equal(dialogOf(page), null);
  assert.deepEqual(elements(draw(page.state, page.act)), []);
});
