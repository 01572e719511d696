// Several tabs of one browser, with a channel and a clock of the test: who leads, and what the others are told.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Tabs } from '../../../static/tabs.js';

/** A browser whose tabs hear each other at once, and whose clock the test moves. */
function browser() {
  const tabs = new Map(), timers = new Map();
  let now = 1_000, next = 0;
  const after = (ms, run) => {
    timers.set(++next, { at: now + ms, run });
    return next;
  };
  return {
    /** Opens a tab; `playing` is whether it shows the own table. @returns {any} */
    open(id, { playing = false, you = /** @type {import('../../../static/protocol.js').You} */ ({ name: 'Xan', guest: false }) } = {}) {
      /** @type {any} */
      const seen = { events: [], followed: [], stops: 0, alone: 0, asked: [], asleep: false };
      const tab = new Tabs(id, {
        playing: () => playing, seen: () => true, you: () => you,
        shared: () => /** @type {any} */ ({ from: id }),
        ask: async (ask) => {
          seen.asked.push(ask.ask);
          return { update: 'done', id: 'x' };
        },
        follow: (shared) => seen.followed.push(/** @type {any} */ (shared).from),
        stop: () => (seen.stops += 1), alone: () => (seen.alone += 1), event: (event) => seen.events.push(event.kind), unwatch: (table) => seen.asked.push(`unwatch ${table}`),
      }, {
        post: (word) => {
          if (seen.asleep) return;
          for (const [other, { tab: heard, seen: its }] of tabs) if (other !== id && !its.asleep) heard.hear(structuredClone(word));
        },
        now: () => now, after, cancel: (timer) => timers.delete(timer),
      });
      tabs.set(id, { tab, seen });
      return Object.assign(seen, { tab });
    },
    pass(ms) {
      for (const end = now + ms; ;) {
        const due = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
        if (!due) return (now = end);
        now = due[1].at;
        timers.delete(due[0]);
        due[1].run();
      }
    },
  };
}

test('a second tab follows the first, is told what happens and asks through it', async () => {
  const { open } = browser();
  const [one, two] = [open('one'), open('two')];
  one.tab.lead();
  two.tab.look();
  assert.deepEqual(two.followed, ['one', 'one']);
  assert(two.tab.follows && !one.tab.follows);
  one.tab.relay({ kind: 'noticed', key: 1 });
  assert.deepEqual([two.events, one.events], [['noticed'], []]);
  assert.equal((await two.tab.ask({ ask: 'block', name: 'Zoe' })).update, 'done');
  assert.deepEqual([one.asked, two.asked], [['block'], []]);
});

test('who plays takes over in one step, and of two leads the later one counts', () => {
  const { open, pass } = browser();
  const [one, two] = [open('one'), open('two')];
  one.tab.lead();
  pass(10);
  two.tab.lead();
  assert.deepEqual([one.stops, one.tab.follows, two.stops, two.tab.follows], [1, true, 0, false]);
  one.tab.lead();
  assert.deepEqual([one.tab.follows, two.stops, two.tab.follows], [false, 1, true], 'even in the same instant');
});

test('a leader that is asleep is not waited for, and follows when it wakes', async () => {
  const { open, pass } = browser();
  const [one, two] = [open('one'), open('two')];
  one.tab.lead();
  one.asleep = true;
  const answer = two.tab.ask({ ask: 'ping' });
  pass(1_000);
  assert.equal((await answer).code, 'unreachable');
  assert.equal(two.alone, 1);
  two.tab.lead();
  one.asleep = false;
  pass(1);
  one.tab.lead();
  assert.deepEqual([two.stops, two.tab.follows], [1, true], 'who is asked for by a person leads');
});

test('a leader that is loaded anew finds nobody in its place; one that is gone is followed by another', () => {
  const { open, pass } = browser();
  const [one, two] = [open('one'), open('two')];
  one.tab.lead();
  one.tab.leave(null);
  pass(1_000);
  const again = open('again');
  again.tab.lead();
  pass(10_000);
  assert.deepEqual([two.alone, two.followed.at(-1)], [0, 'again']);
  again.tab.leave(null);
  again.asleep = true;
  pass(3_000);
  assert.equal(two.alone, 1);
});

test('a tab that is closed ends what it watched', () => {
  const { open } = browser();
  const [one, two] = [open('one'), open('two')];
  one.tab.lead();
  two.tab.leave('t1');
  assert.deepEqual(one.asked, ['unwatch t1']);
});

test('what was asked under another account is refused', async () => {
  const { open } = browser();
  const [one, two] = [open('one', { you: { name: 'Yan', guest: false } }), open('two')];
  one.tab.lead();
  assert.equal((await two.tab.ask({ ask: 'tell', to: 'Zoe', text: 'hello' })).code, 'another_account');
  assert.deepEqual(one.asked, []);
});

test('what was asked under another name of the same account is asked', async () => {
  const { open } = browser();
  const [one, two] = [open('one', { you: { account: 'a', name: 'Mira', guest: false } }), open('two', { you: { account: 'a', name: 'Guest-1', guest: true } })];
  one.tab.lead();
  assert.equal((await two.tab.ask({ ask: 'tell', to: 'Zoe', text: 'hello' })).update, 'done');
  assert.deepEqual(one.asked, ['tell']);
});
