// Words with numbers in them, and the pages to choose from.

import assert from 'node:assert/strict';
import test from 'node:test';

import { savedActs, savedWhen } from '../../../static/lobby/inbox.js';
import { pageNumbers } from '../../../static/lobby/list.js';
import { ago, cut, minutes, optionsInWords, plural, refusal } from '../../../static/words.js';

test('one and many', () => {
  assert.equal(plural(1, '# change', '# changes'), '1 change');
  assert.equal(plural(1200, '# change', '# changes'), '1,200 changes');
});

test('times', () => {
  assert.deepEqual([0, 900, 61_000, -5].map(minutes), ['0:00', '0:01', '1:01', '0:00']);
  assert.deepEqual([0, 60_000, 7_200_000, 86_400_000].map((age) => ago(1e12 - age, 1e12)), ['just now', '1 minute ago', '2 hours ago', 'yesterday']);
});

test('the options of a table', () => {
  /** @type {import('../../../static/protocol.js').TableOptions} */
  const usual = { rules: { tactics: 'on', claim_timing: 'any', environment: 'fixed' }, claim_hints: true, talk: 'everyone' };
  assert.equal(optionsInWords(usual), 'with tactics cards, claims at any time');
  assert.equal(optionsInWords({ ...usual, rules: { tactics: 'off', claim_timing: 'turn_start', environment: 'removable' }, claim_hints: false, talk: 'nobody' }),
    'troops only, claims before the play, no claim hints, nobody talks');
});

test('a refusal is in words whatever its code', () => {
  assert.equal(refusal({ code: 'yourself', words: 'x' }), 'That would be yourself.');
  assert.equal(refusal({ code: 'new_code', words: 'Something else.' }), 'Something else.');
  assert.ok(refusal({}));
});

test('pages to choose from', () => {
  assert.deepEqual(pageNumbers(0, 0), [0]);
  assert.deepEqual(pageNumbers(0, 97), [0, 1, null, 97]);
  assert.deepEqual(pageNumbers(5, 97), [0, null, 4, 5, 6, null, 97]);
  assert.deepEqual(pageNumbers(97, 97), [0, null, 96, 97]);
});

test('a text is cut by characters as the server counts them', () => {
  for (const one of ['a', 'é', '🙂', '漢', '𒐫', '\u0301']) {
    assert.equal(cut(one.repeat(300), 300), one.repeat(300), one);
    assert.equal([...cut(one.repeat(301), 300)].length, 300, one);
  }
  assert.equal(cut('a🙂b', 2), 'a🙂');
  assert.doesNotThrow(() => encodeURIComponent(cut('🙂'.repeat(400), 300)));
});

test('a saved game whose other player is gone can only be dropped, and says so', () => {
  /** @type {any} */
  const state = { ui: { nowMs: 1e12 }, offsetMs: 0, invites: { sent: [] }, seat: null, you: { name: 'Mira' } };
  /** @param {any} more */
  const shown = (more) => {
    /** @type {any} */
    const game = { table: 't', names: { first: 'Mira', second: 'Ben' }, number: 3, flags: '---------', last_ms: 1e12, ...more };
    const acts = savedActs(state, /** @type {any} */ ({}), game).filter(Boolean);
    return [acts.map((/** @type {any} */ button) => button.props.key), savedWhen(state, game)];
  };
  const gone = 'saved just now, can’t be resumed: that account is gone';
  assert.deepEqual(shown({ you: 'first', opponent: 'Ben' }), [['resume', 'drop'], 'saved just now']);
  assert.deepEqual(shown({ you: 'first' }), [['drop'], gone]);
  assert.deepEqual(shown({}), [['resume', 'drop'], 'saved just now'], 'an older server does not say who is who');
});
