// Screens: who presses twice before the page is drawn again loses neither press, and sends nothing twice.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';

import * as account from '../../../static/screens/account.js';
import * as login from '../../../static/screens/login.js';
import * as replay from '../../../static/screens/replay.js';
import * as table from '../../../static/screens/table.js';
import { page as whole } from '../../../static/shell.js';
import { panels, side } from '../../../static/table/board.js';
import { question } from '../../../static/table/boxes.js';
import { tableWith } from '../fabricated.js';
import { button, elements, field, later, pageWith, press } from '../pressed.js';

const ME = { name: 'Ann', guest: false };

/** What browsers have and is not looked at here. */
Object.assign(globalThis, { requestAnimationFrame: () => 0, document: { activeElement: null }, history: { replaceState() {} } });

/** A form as it is sent. @param {Record<string, string>} given */
function sent(given) {
  globalThis.FormData = /** @type {any} */ (function () {
    return new Map(Object.entries(given));
  });
  return { preventDefault() {}, currentTarget: { reset() {} } };
}

test('two presses take the theme on by two', () => {
  const page = pageWith({ ui: { theme: 'system' } });
  const theme = page.drawn((state, act) => whole(state, act, {}, { dialog: null })).find(({ props }) => props.title?.startsWith('Theme'));
  press(theme);
  press(theme);
  assert.equal(page.state.ui.theme, 'dark');
});

test('a drawer is opened and closed, and another one takes its place', () => {
  const page = pageWith();
  const drawn = elements(panels(/** @type {any} */ ({ drawer: null, fresh: 0 }), page.act));
  press(button(drawn, 'Cards'));
  press(button(drawn, 'Moves'));
  assert.equal(page.state.ui.drawer, 'moves');
  press(button(drawn, 'Moves'));
  assert.equal(page.state.ui.drawer, null);
});

test('what is typed while a message is on its way stays', async () => {
  const page = pageWith({ ui: { draft: 'Hello' } });
  const { answer, give } = later();
  page.answer = answer;
  const model = { table: tableWith(), near: 'first', talk: [], draft: 'Hello', mayTalk: true, limit: 300, fresh: 0, drawer: null };
  const say = elements(side(/** @type {any} */ (model), page.act)).find(({ tag }) => tag === 'form');
  press(say, { preventDefault() {}, currentTarget: { elements: { namedItem: () => ({ value: 'Hello' }) } } }, 'submit');
  page.act.ui('draft', 'Hello and good');
  give({ update: 'done', id: '' });
  await settled();
  assert.equal(page.state.ui.draft, ' and good');
});

test('a question at the table is answered once', () => {
  const page = pageWith({ ui: { box: 'resign' } });
  const drawn = elements(question(tableWith(), 'resign', 'Ben', page.act));
  press(button(drawn, 'Resign'));
  press(button(drawn, 'Resign'));
  assert.deepEqual(page.asked.map(({ ask }) => ask), ['resign']);
  assert.equal(page.state.ui.box, null);
});

// ---- choosing at the table -------------------------------------------------------------------------------------------

/** A table at which the first seat plays. */
function atTable(wanted) {
  const given = tableWith(wanted);
  const page = pageWith({
    you: { name: given.names.first }, seat: given.table, tables: { [given.table]: given }, route: { name: 'table', id: given.table },
    connection: { word: 'connected', sinceMs: 0, retryAtMs: null },
  });
  const drawn = () => {
    const all = page.drawn(table.draw);
    const by = (name, value) => all.find(({ tag, props }) => tag === 'button' && props[name] === value);
    const column = (index) => elements(all.find(({ props }) => props['data-flag'] === index));
    return {
      card: (code) => press(by('data-card', code)), deck: (deck) => press(by('data-deck', deck)), command: (key) => press(by('key', key)),
      flag: (index) => press(column(index).find(({ props }) => props.class === 'flag')),
    };
  };
  return { page, drawn, moves: () => page.asked.map(({ moves }) => moves) };
}

test('a card, its flag and the deck count, however quickly they are pressed', () => {
  const { drawn, moves } = atTable();
  const at = drawn();
  at.card('r10');
  at.flag(7);
  at.deck('t');
  at.deck('t');
  assert.deepEqual(moves(), [['r10@7', 'draw t']]);
});

test('a flag takes the card that was chosen just now, and is not claimed', () => {
  const { page, drawn, moves } = atTable({ complete: 8 });
  const at = drawn();
  at.card('r10');
  at.flag(7);
  assert.deepEqual(moves(), []);
  assert.deepEqual([page.state.ui.turn.card, page.state.ui.turn.to], ['r10', 7]);
});

test('both cards that Scout puts back are chosen, and undone one by one', () => {
  const { page, drawn, moves } = atTable({ phase: 'scout_return', choices: { give_back: 2 } });
  const at = drawn();
  at.card('r10');
  at.card('o10');
  assert.deepEqual(page.state.ui.turn.back, ['r10', 'o10']);
  const then = drawn();
  then.command('undo');
  then.command('back');
  assert.deepEqual(moves(), [], 'one card cannot go back alone');
  then.command('undo');
  assert.deepEqual(page.state.ui.turn.back, []);
});

test('a claim takes no staged card along that it did not name', () => {
  const { page, drawn, moves } = atTable({ complete: 1 });
  const at = drawn();
  at.card('r10');
  at.flag(7);
  at.command('claim');
  assert.deepEqual(moves(), []);
  assert.equal(page.state.ui.turn.to, 7, 'what is staged stays so');
});

test('what is chosen just now is neither passed over nor sent in part', () => {
  const { page, drawn, moves } = atTable({ choices: { pass: true, draw: [] } });
  const at = drawn();
  at.card('r10');
  at.command('pass');
  drawn().flag(7);
  const then = drawn();
  then.command('undo');
  then.command('end');
  assert.deepEqual(moves(), []);
  assert.deepEqual([page.state.ui.turn.card, page.state.ui.turn.to], ['r10', null]);
});

// ---- pages -----------------------------------------------------------------------------------------------------------

test('two presses take a replay on by two', () => {
  const given = tableWith({ log: Array.from({ length: 5 }, () => ({ seat: 'first', text: 'pass' })) });
  const game = { ...given, accounts: { first: 'a', second: 'b' }, ending: { winner: null, reason: 'stand_off' }, views: Array(6).fill(given.view), entries: [] };
  const page = pageWith({ route: { name: 'game', id: game.table }, ui: { replay: { id: game.table, game, failed: null }, replayAt: 1 } });
  const drawn = page.drawn(replay.draw);
  press(button(drawn, 'One move on'));
  press(button(drawn, 'One move on'));
  assert.equal(page.state.ui.replayAt, 3);
  press(button(drawn, 'First move'));
  press(button(drawn, 'One move back'));
  assert.equal(page.state.ui.replayAt, 0);
  press(button(drawn, 'Last move'));
  assert.equal(page.state.ui.replayAt, 5);
});

test('who turns to another tab of the login is sent there', async () => {
  const page = pageWith();
  const drawn = page.drawn(login.draw);
  press(button(drawn, 'Sign up'));
  press(drawn.find(({ tag }) => tag === 'form'), sent({ name: 'Ann', password: 'secret words' }), 'submit');
  press(button(drawn, 'Play as a guest'));
  await settled();
  assert.deepEqual(page.asked, [{ path: '/api/signup', name: 'Ann', password: 'secret words' }]);
});

test('a login that is refused leaves the tab that was turned to meanwhile', async () => {
  const page = pageWith();
  const { answer, give } = later();
  page.answer = answer;
  const drawn = page.drawn(login.draw);
  press(drawn.find(({ tag }) => tag === 'form'), sent({ name: 'Ann', password: 'secret words' }), 'submit');
  press(button(drawn, 'Sign up'));
  assert.equal(page.state.ui.login.busy, true, 'it is on its way still');
  give({ ok: false, status: 403, data: { code: 'wrong_login' } });
  await settled();
  assert.deepEqual([page.state.ui.login.tab, page.state.ui.login.busy], ['signup', false]);
});

test('a form of the account is sent once', async () => {
  const page = pageWith({ you: ME });
  const { answer, give } = later();
  page.answer = answer;
  const drawn = page.drawn(account.draw);
  const form = drawn.find(({ tag, children }) => tag === 'form' && field(elements(children), 'old'));
  for (let i = 0; i < 2; i += 1) press(form, sent({ old: 'secret words', new: 'other words' }), 'submit');
  assert.equal(page.asked.length, 1);
  give({ ok: true, status: 200, data: {} });
  await settled();
  assert.equal(page.state.ui.account.ok, true);
  press(form, sent({ old: 'other words', new: 'secret words' }), 'submit');
  assert.equal(page.asked.length, 2);
});
