// The connection, with a socket and a clock of the test: what is sent when, and what is sent again.

import assert from 'node:assert/strict';
import test from 'node:test';

import { Connection, afterClose, afterWelcome, delayOf } from '../../../static/connection.js';

const TIP = { number: 7, hash: 'h' };

/** A connection in a world that the test moves. @param {{ seen?: any }} [known] */
function connected({ seen = null } = {}) {
  const heard = [], views = [], words = [], sockets = [], dropped = [], timers = new Map();
  let now = 0, next = 0, online = true;
  class Socket {
    readyState = 1;
    /** @type {any} */
    onmessage;
    /** @type {any} */
    onclose;
    sent = [];
    send = (text) => this.sent.push(JSON.parse(text));
    close = () => (this.readyState = 3);
    say = (update) => this.onmessage({ data: JSON.stringify(update) });
    end = (code) => this.onclose({ code });
  }
  /** @type {any} */
  const world = {
    open: (url, protocol) => {
      const socket = Object.assign(new Socket(), { url, protocol });
      sockets.push(socket);
      return socket;
    },
    now: () => now,
    random: () => 0.5,
    isOnline: () => online,
    after: (ms, run) => {
      timers.set(++next, { at: now + ms, run });
      return next;
    },
    cancel: (timer) => timers.delete(timer),
  };
  const connection = new Connection({
    url: 'ws://x/socket', hear: (update) => { heard.push(update.update); views.push(...(update.update === 'table' ? [update] : [])); }, state: ({ word }) => words.push(word),
    sent: () => {}, answered: () => {}, seen: () => seen,
    dropped: (requests) => dropped.push(...requests.map(({ ask }) => ask)),
  }, world);
  connection.open();
  return {
    connection, heard, views, words, sockets, dropped,
    socket: () => sockets.at(-1),
    goOffline: () => (online = false),
    /** Lets time pass, and what is due happen. */
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
const WELCOME = { update: 'welcome' };
/** Why an answer refuses. @param {any} answer */
const codeOf = (answer) => answer.code;
const asks = (socket) => socket.sent.map(({ ask }) => ask);

test('the first try is at once, then up to twice as long each time, up to a limit', () => {
  assert.equal(delayOf(0, 1), 0);
  assert.deepEqual([1, 2, 3].map((tries) => delayOf(tries, 1)), [400, 800, 1600]);
  assert.equal(delayOf(40, 1), 8_000);
  assert.equal(delayOf(40, 0), 0, 'jitter is full');
});

test('views are handed on whole, also where the node sends only what changed since the one before', () => {
  const { socket, sockets, views, pass } = connected();
  const line = (text) => ({ seat: 'first', text });
  const whole = { table: 't', names: { first: 'Ann', second: 'Otto' }, saved: 1, unsaved: 1, sealed: ['s'], view: { viewer: 'first', turn: 'first', flags: ['f0', 'f1', 'f2'] }, log: ['a', 'b'].map(line) };
  const change = (from, log, more = {}) => socket().say({ update: 'table_changes', table: 't', saved: 2, view: { turn: 'second', flags: [] }, log_from: from, log: log.map(line), ...more });
  const shown = () => views.at(-1).log.map(({ text }) => text).join(' ');
  socket().say({ update: 'welcome', table: whole });
  change(2, ['c'], { view: { turn: 'second', flags: [[1, 'mud']] } });
  assert.deepEqual(views.at(-1), { update: 'table', ...whole, saved: 2, unsaved: undefined, sealed: undefined, view: { viewer: 'first', turn: 'second', flags: ['f0', 'mud', 'f2'] }, log: ['a', 'b', 'c'].map(line) });
  change(2, ['d', 'e']);
  assert.equal(shown(), 'a b d e', 'a line that came again is the newest');
  socket().say({ update: 'table', ...whole, log: ['x', 'y'].map(line) });
  assert.equal(shown(), 'x y', 'a node that knows nothing of it sends all');
  change(3, ['z']);
  assert.equal(views.length, 3, 'lines are missing');
  pass(0);
  assert.equal(sockets.length, 2, 'everything is asked for anew');
  socket().say(WELCOME);
  change(0, ['p']);
  assert.equal(views.length, 3, 'nothing was shown over this socket');
});

test('close codes', () => {
  assert.deepEqual([1001, 1006, 4408, 4400, 4429, 4503, 4401, 4409].map(afterClose),
    ['again', 'again', 'again', 'slowly', 'slowly', 'slowly', 'logged_out', 'elsewhere']);
});

test('what was seen goes first, then what was not answered, as it was', () => {
  /** @type {any} */
  const move = { id: 'a', ask: 'move', table: 't', tip: TIP, moves: ['r7@3'] };
  const again = afterWelcome([move, { id: 'b', ask: 'ping' }, { id: 'c', ask: 'seen', table: 't', tip: TIP }], { table: 't', tip: TIP }, () => 'n');
  assert.deepEqual(again, [{ id: 'n', ask: 'seen', table: 't', tip: TIP }, move]);
  assert.deepEqual(afterWelcome([move], null, () => 'n'), [move]);
});

test('nothing is sent before the welcome', () => {
  const { connection, socket } = connected();
  connection.ask({ ask: 'accept', from: 'Otto' });
  assert.deepEqual(asks(socket()), []);
  socket().say(WELCOME);
  assert.deepEqual(asks(socket()), ['accept']);
  assert.equal(socket().protocol, 'nineflags.1');
});

test('a request that was not answered is sent again with the same id, after `seen`', async () => {
  const { connection, socket, sockets, pass } = connected({ seen: { table: 't', tip: TIP } });
  socket().say(WELCOME);
  assert.deepEqual(asks(socket()), [], 'the first welcome needs no `seen`');
  const answer = connection.ask({ ask: 'move', table: 't', tip: TIP, moves: ['pass'] });
  const [{ id }] = socket().sent;
  socket().end(1006);
  pass(0);
  assert.equal(sockets.length, 2, 'tried at once');
  socket().say(WELCOME);
  assert.deepEqual(asks(socket()), ['seen', 'move']);
  assert.equal(socket().sent[1].id, id);
  socket().say({ update: 'done', id, tip: TIP });
  assert.deepEqual(await answer, { update: 'done', id, tip: TIP });
  socket().end(1006);
  pass(0);
  socket().say(WELCOME);
  assert.deepEqual(asks(socket()), ['seen'], 'what was answered is not sent again');
});

test('tries go on until there is a welcome', () => {
  const { socket, sockets, words, pass } = connected();
  for (let i = 0; i < 10; i += 1) {
    socket().end(1006);
    pass(8_000);
  }
  assert.equal(sockets.length, 11);
  assert.equal(words.at(-1), 'reconnecting');
  socket().say(WELCOME);
  assert.equal(words.at(-1), 'connected');
});

test('a node that goes away is left once another has welcomed this browser', async () => {
  const { connection, socket, sockets, words, heard, pass } = connected({ seen: { table: 't', tip: TIP } });
  socket().say(WELCOME);
  const [old] = sockets;
  old.say({ update: 'reconnect', delay_ms: 1_200 });
  assert.equal(words.at(-1), 'moving');
  pass(1_199);
  const answer = connection.ask({ ask: 'move', table: 't', tip: TIP, moves: ['pass'] });
  assert.deepEqual(asks(old), ['move'], 'the old node is asked as long as it is there');
  pass(1);
  assert.deepEqual([sockets.length, old.readyState], [2, 1]);
  old.say({ update: 'blocked', names: [] });
  assert.equal(heard.at(-1), 'blocked', 'and heard');
  old.end(4409);
  assert.equal(words.at(-1), 'moving', 'taken over by the own new socket');
  socket().say(WELCOME);
  assert.deepEqual([words.at(-1), asks(socket())], ['connected', ['seen', 'move']]);
  socket().say({ update: 'done', id: old.sent[0].id, tip: TIP });
  assert.equal((await answer).update, 'done');
});

test('the old socket is closed when the new one is welcome', () => {
  const { socket, sockets, pass } = connected();
  socket().say(WELCOME);
  socket().say({ update: 'reconnect', delay_ms: 0 });
  pass(0);
  socket().say(WELCOME);
  assert.deepEqual(sockets.map(({ readyState }) => readyState), [3, 1]);
});

test('where no other node is found, the old socket is used on, and then the tries go on', () => {
  const { socket, sockets, words, pass } = connected();
  socket().say(WELCOME);
  const [old] = sockets;
  old.say({ update: 'reconnect', delay_ms: 0 });
  pass(0);
  socket().end(1006);
  assert.equal(old.readyState, 1);
  pass(1_000);
  assert.equal(sockets.length, 3, 'tried again');
  old.end(1001);
  socket().end(1006);
  pass(8_000);
  assert.equal(sockets.length, 4);
  assert.equal(words.at(-1), 'reconnecting');
  socket().say(WELCOME);
  assert.equal(words.at(-1), 'connected');
});

test('a node that goes away says when to come back', () => {
  const { socket, sockets, pass } = connected();
  socket().say(WELCOME);
  socket().say({ update: 'reconnect', delay_ms: 1_200 });
  socket().end(1001);
  pass(1_199);
  assert.equal(sockets.length, 1);
  pass(1);
  assert.equal(sockets.length, 2);
});

test('no room, or too fast: the next try is not at once', () => {
  for (const code of [4429, 4503]) {
    const { socket, sockets, pass } = connected();
    socket().end(code);
    pass(4_999);
    assert.equal(sockets.length, 1);
    pass(10_000);
    assert.equal(sockets.length, 2);
  }
});

test('a session taken over stays so until it is taken back; what was asked is refused', async () => {
  const { connection, socket, sockets, words, pass } = connected();
  socket().say(WELCOME);
  const answer = connection.ask({ ask: 'accept', from: 'Otto' });
  socket().end(4409);
  const codes = [await answer, await connection.ask({ ask: 'ping' })].map((said) => 'code' in said && said.code);
  assert.deepEqual(codes, ['not_live', 'not_live']);
  connection.doubt();
  pass(60_000);
  assert.deepEqual([sockets.length, words.at(-1)], [1, 'elsewhere']);
  connection.takeBack();
  socket().say(WELCOME);
  assert.deepEqual([sockets.length, words.at(-1)], [2, 'connected']);
});

test('without a login there are no more tries', () => {
  const { socket, sockets, words, pass } = connected();
  socket().end(4401);
  pass(60_000);
  assert.deepEqual([sockets.length, words.at(-1)], [1, 'logged_out']);
});

test('silence is doubted with a ping; without an answer the socket is given up', () => {
  const { socket, sockets, pass } = connected();
  socket().say(WELCOME);
  pass(20_000);
  assert.deepEqual(asks(socket()), ['ping']);
  socket().say({ update: 'done', id: socket().sent[0].id });
  pass(20_000);
  assert.deepEqual(asks(socket()), ['ping', 'ping'], 'answered: still the same socket');
  assert.equal(sockets.length, 1);
  pass(5_000);
  assert.equal(sockets.length, 2, 'not answered: another one');
  assert.equal(sockets[0].readyState, 3);
});

test('after sleep or a change of the network the answer must come soon', () => {
  const { connection, socket, sockets, words, goOffline, pass } = connected();
  socket().say(WELCOME);
  goOffline();
  connection.doubt();
  assert.deepEqual(asks(socket()), ['ping']);
  pass(2_000);
  assert.deepEqual([sockets.length, words.at(-1)], [2, 'offline']);
});

test('a socket that never opens is given up', () => {
  const { sockets, pass } = connected();
  pass(20_000);
  assert.equal(sockets.length, 2);
});

test('updates are passed on, answers are not', () => {
  const { socket, heard } = connected();
  socket().say(WELCOME);
  socket().say({ update: 'blocked', names: [] });
  socket().say({ update: 'done', id: 'x' });
  assert.deepEqual(heard, ['welcome', 'blocked']);
});

test('a move that cannot be saved just now is kept and sent again with the same id; what else is refused is told', async () => {
  const { connection, socket, pass } = connected();
  socket().say({ update: 'welcome' });
  const move = connection.ask({ ask: 'move', table: 't', tip: TIP, moves: ['pass'] });
  const [{ id }] = socket().sent;
  const sent = () => socket().sent.filter((request) => request.id === id).length;
  socket().say({ update: 'refused', id, code: 'unavailable', words: '' });
  assert.equal(sent(), 1);
  pass(1_000);
  assert.equal(sent(), 2);
  socket().say({ update: 'refused', id, code: 'frozen', words: '' });
  pass(1_000);
  assert.equal(sent(), 3);
  assert.ok(!('waits' in socket().sent.at(-1)));
  socket().say({ update: 'done', id });
  assert.equal((await move).update, 'done');
  pass(5_000);
  assert.equal(sent(), 3);
  const save = connection.ask({ ask: 'save', table: 't' });
  socket().say({ update: 'refused', id: socket().sent.at(-1).id, code: 'unavailable', words: '' });
  assert.equal(/** @type {any} */ (await save).code, 'unavailable');
});

test('what waits is sent only under the account that asked for it', async () => {
  for (const ask of [{ ask: 'tell', to: 'Zoe', text: 'hello' }, { ask: 'invite', to: 'Zoe' }, { ask: 'accept', from: 'Zoe' }, { ask: 'block', name: 'Zoe' },
    { ask: 'move', table: 't', tip: TIP, moves: ['pass'] }, { ask: 'say', table: 't', text: 'hello' }, { ask: 'resign', table: 't' }]) {
    const { connection, socket, dropped, pass } = connected({ seen: { table: 't', tip: TIP } });
    socket().say({ ...WELCOME, you: { name: 'Xan' } });
    const old = socket();
    const answer = connection.ask(/** @type {any} */ (ask));
    old.end(1006);
    const late = connection.ask(/** @type {any} */ (ask));
    pass(0);
    socket().say({ ...WELCOME, you: { name: 'Yan' } });
    assert.deepEqual(asks(socket()), [], `${ask.ask} is not sent by another account, nor what its own table showed`);
    assert.deepEqual([codeOf(await answer), codeOf(await late)], ['another_account', 'another_account']);
    assert.deepEqual(dropped, [ask.ask, ask.ask]);
    const own = connection.ask({ ask: 'tell', to: 'Zoe', text: 'mine' });
    assert.deepEqual(asks(socket()), ['tell']);
    socket().end(1006);
    pass(0);
    socket().say({ ...WELCOME, you: { name: 'Yan' } });
    assert.deepEqual(asks(socket()).slice(-1), ['tell'], 'what the present account asked is sent again');
    socket().say({ update: 'done', id: socket().sent.at(-1).id });
    assert.equal((await own).update, 'done');
  }
});

test('a guest who has become an account is the same account: what waits is sent', () => {
  const guest = { account: 'a', name: 'Guest-1', guest: true };
  for (const [you, isSame] of /** @type {const} */ ([[{ account: 'a', name: 'Mira' }, true], [{ account: 'b', name: 'Guest-1' }, false],
    // Nodes of older versions tell only the name.
    [{ name: 'Guest-1' }, true], [{ name: 'Mira' }, false]])) {
    const { connection, socket, dropped, pass } = connected({ seen: { table: 't', tip: TIP } });
    socket().say({ ...WELCOME, you: guest });
    connection.ask({ ask: 'move', table: 't', tip: TIP, moves: ['pass'] });
    socket().end(1001);
    pass(0);
    socket().say({ ...WELCOME, you });
    assert.deepEqual([asks(socket()), dropped], isSame ? [['seen', 'move'], []] : [[], ['move']], JSON.stringify(you));
  }
});

test('a move that waits until it can be saved ends with its account', () => {
  const { connection, socket, pass } = connected();
  socket().say({ ...WELCOME, you: { name: 'Xan' } });
  connection.ask({ ask: 'move', table: 't', tip: TIP, moves: ['pass'] });
  socket().say({ update: 'refused', id: socket().sent[0].id, code: 'unavailable', words: '' });
  socket().end(1006);
  pass(0);
  socket().say({ ...WELCOME, you: { name: 'Yan' } });
  pass(5_000);
  assert.deepEqual(asks(socket()), []);
});

test('a connection that another tab takes over sends nothing any more', async () => {
  const { connection, socket, sockets, pass, words } = connected();
  socket().say(WELCOME);
  const answer = connection.ask({ ask: 'tell', to: 'Zoe', text: 'hello' });
  connection.close();
  assert.equal(codeOf(await answer), 'not_live');
  assert.equal(words.at(-1), 'elsewhere');
  pass(60_000);
  assert.equal(sockets.length, 1);
});

test('the time is measured anew by a welcome on a second socket, while the first one is used', () => {
  const { connection, socket, sockets, heard, pass } = connected();
  socket().say(WELCOME);
  const [old] = sockets;
  connection.renew();
  pass(0);
  assert.deepEqual([sockets.length, old.readyState], [2, 1]);
  socket().say(WELCOME);
  assert.deepEqual([old.readyState, heard], [3, ['welcome', 'welcome']]);
});
