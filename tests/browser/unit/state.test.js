// The fold: every update of tests/wire, and what must hold whatever order they come in.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';

import { fold, isShowing, initial, isYourTurn, routeOf, sealedOf, sharedOf, shownOf } from '../../../static/state.js';

const WIRE = new URL('../../wire/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, WIRE), 'utf8'));
const UPDATES = read('updates.json');
/** Whole views of tables, by what they show. */
const TABLES = Object.assign({}, ...readdirSync(WIRE).filter((name) => name.startsWith('tables')).map(read));
const TABLE = '0192f0c1-7b1e-7a3c-9d58-2f6b7c8d9e0f';

/** @returns {any} */
const hear = (state, update, nowMs = 0) => fold(state, { kind: 'update', update, nowMs });
const after = (...updates) => updates.reduce((state, update) => hear(state, update), initial());

/** A table as far as the fold looks at it. @param {number} number @param {{ viewer?: string, ending?: any, id?: string, stopped?: boolean }} [more] */
const table = (number, { viewer = 'first', ending = null, id = TABLE, stopped = false } = {}) =>
  ({ update: 'table', table: id, tip: { number, hash: `h${number}` }, saved: number, stopped, view: { viewer, ending } });
const welcome = (more = {}) => ({ ...UPDATES.welcome, ...more });

test('every update of the wire folds, and none changes the state it came to', () => {
  for (const [name, update] of Object.entries(UPDATES)) {
    const state = Object.freeze(after(welcome()));
    const shot = JSON.stringify(state);
    assert.doesNotThrow(() => hear(state, update), name);
    assert.equal(JSON.stringify(state), shot, name);
  }
});

test('every update that tells something changes something', () => {
  // Of what the connection keeps for itself the state hears nothing.
  const silent = ['done', 'done: a table started', 'done: moves made', 'refused', 'refused: a claim with its counter-example', 'reconnect', 'table_changes'];
  const state = { ...after(welcome(), table(12)), blocked: ['Nobody'] };
  for (const [name, update] of Object.entries(UPDATES)) {
    // Of the lobby only what was asked for is shown.
    const asking = update.update === 'lobby' ? fold(state, { kind: 'ui', part: 'query', value: update.query }) : state;
    if (!silent.includes(name)) assert.notEqual(hear(asking, update), asking, name);
  }
});

test('every table of the wire is held as it came', () => {
  for (const [name, view] of Object.entries(TABLES)) {
    const update = { update: 'table', ...view };
    assert.deepEqual(hear(after(welcome()), update).tables[view.table], update, name);
  }
});

test('an unknown update is ignored', () => {
  const state = after(welcome());
  assert.equal(hear(state, { update: 'fireworks' }), state);
});

test('a welcome tells who one is and what time it is', () => {
  const state = hear(initial(), welcome({ now_ms: 5_000 }), 3_000);
  assert.deepEqual(state.you, { name: 'Mira', guest: false });
  assert.equal(state.offsetMs, 2_000);
  assert.equal(state.seat, null);
});

test('a lower tip is dropped, unless the game went back', () => {
  const state = after(welcome(), table(12));
  assert.equal(hear(state, table(11)).tables[TABLE].tip.number, 12);
  const back = hear(state, { update: 'notice', code: 'went_back', words: '' });
  const replaced = hear(back, table(10));
  assert.equal(replaced.tables[TABLE].tip.number, 10);
  assert.equal(hear(replaced, table(9)).tables[TABLE].tip.number, 10, 'once only');
  const told = hear(state, { update: 'notice', code: 'went_back', words: '', table: TABLE, tip: { number: 9, hash: 'h9' } });
  assert.equal(hear(told, table(10)).tables[TABLE].tip.number, 10);
  const another = hear(state, { update: 'notice', code: 'went_back', words: '', table: 'another' });
  assert.equal(hear(another, table(10)).tables[TABLE].tip.number, 12, 'another game went back');
});

test('sealed records are kept until they are saved, and forgotten when the game goes back', () => {
  const state = after(welcome(), { ...table(12), saved: 10, sealed: ['ten', 'eleven'] });
  assert.deepEqual(sealedOf(state, TABLE), { sealed: ['ten', 'eleven'] });
  const more = hear(state, { ...table(14), saved: 11, sealed: ['eleven again', 'twelve', 'thirteen'] });
  assert.deepEqual(sealedOf(more, TABLE), { sealed: ['eleven again', 'twelve', 'thirteen'] });
  assert.deepEqual(sealedOf(hear(more, { update: 'saved', table: TABLE, number: 13 }), TABLE), { sealed: ['thirteen'] });
  assert.deepEqual(sealedOf(hear(more, { update: 'saved', table: TABLE, number: 14 }), TABLE), {});
  const back = hear(hear(more, { update: 'notice', code: 'went_back', words: '' }), { ...table(12), saved: 11, sealed: ['other'] });
  assert.deepEqual(sealedOf(back, TABLE), { sealed: ['other'] });
});

test('a refused `seen` also lets the game go back', () => {
  const asked = fold(after(welcome(), table(12)), { kind: 'sent', request: { id: 's1', ask: 'seen', table: TABLE, tip: { number: 12, hash: 'h12' } } });
  const answered = fold(asked, { kind: 'answered', answer: { update: 'refused', id: 's1', code: 'went_back', words: '' } });
  assert.equal(hear(answered, table(10)).tables[TABLE].tip.number, 10);
});

test('one sits where one plays, not where one watches, until it is closed', () => {
  assert.equal(after(welcome(), table(3, { viewer: 'watcher' })).seat, null);
  const seated = after(welcome(), table(3));
  assert.equal(seated.seat, TABLE);
  const closed = hear(seated, { update: 'table_closed', table: TABLE, why: 'saved' });
  assert.equal(closed.seat, null);
  assert.equal(closed.closed[TABLE], 'saved');
  const resumed = hear(closed, table(5));
  assert.equal(resumed.seat, TABLE);
  assert.equal(resumed.closed[TABLE], undefined);
});

test('the last view of a closed table does not open it again', () => {
  const ending = { winner: 'first', reason: 'breakthrough' };
  const state = after(welcome(), table(3), { update: 'table_closed', table: TABLE, why: 'finished' }, table(4, { ending }));
  assert.equal(state.seat, null);
  assert.equal(state.closed[TABLE], 'finished');
});

test('a table that ended while the connection was lost is closed by the welcome', () => {
  const seated = after(welcome(), table(3));
  assert.equal(hear(seated, welcome()).closed[TABLE], 'finished');
  const saved = { table: TABLE, names: { first: 'Mira', second: 'Otto' }, number: 3, flags: '---------', last_ms: 0 };
  assert.equal(hear(seated, welcome({ games: { saved: [saved], finished: [] } })).closed[TABLE], 'saved');
});

test('another account sees nothing of the one before', () => {
  const state = hear(after(welcome(), table(3), UPDATES['message: to a player']), welcome({ you: { name: 'Otto', guest: false } }));
  assert.deepEqual([state.tables, state.letters, state.seat], [{}, [], null]);
  const out = fold(after(welcome(), table(3)), { kind: 'connection', connection: { word: 'logged_out', sinceMs: 0, retryAtMs: null } });
  assert.deepEqual([out.you, out.tables, out.seat], [null, {}, null]);
});

test('a guest who has become an account keeps what is there, and its letters are its own', () => {
  const guest = { account: 'a', name: 'Guest-1', guest: true }, mira = { account: 'a', name: 'Mira', guest: false };
  const letters = [['Guest-1', 'Otto'], ['Otto', 'Guest-1']].map(([from, to]) => ({ update: 'message', from, to, text: 'hello', sent_ms: 1 }));
  const before = { ...after(welcome({ you: guest }), table(3), ...letters), ui: { draft: 'half a sen' } };
  const other = welcome({ you: mira, table: table(3) });
  for (const next of [hear(before, other), fold(before, { kind: 'me', you: mira }), fold(before, { kind: 'shared', shared: sharedOf(hear(before, other)) })]) {
    assert.deepEqual([next.you, next.seat, next.ui.draft], [mira, TABLE, 'half a sen']);
    assert.deepEqual(next.letters.map(({ from, to }) => [from, to]), [['Mira', 'Otto'], ['Otto', 'Mira']]);
  }
  assert.deepEqual(hear(before, welcome({ you: { account: 'b', name: 'Guest-1', guest: true } })).letters, [], 'another account by the same name');
});

test('who comes back to a table is told its last words again, and sees each once', () => {
  const said = (text, sent_ms) => ({ update: 'message', from: 'Otto', table: TABLE, text, sent_ms });
  const words = [said('hello', 1), said('hello', 2), said('you?', 2)];
  assert.deepEqual(after(welcome(), table(3), ...words, welcome(), ...words, said('hello', 3)).talk[TABLE]?.map(({ sent_ms }) => sent_ms), [1, 2, 2, 3]);
});

test('a letter that comes again, to a page that came back, is shown once', () => {
  const letter = { update: 'message', from: 'Otto', to: 'Mira', text: 'hello', sent_ms: 1 };
  const state = after(welcome(), letter, welcome(), letter, { ...letter, text: 'again' });
  assert.deepEqual(state.letters.map(({ text }) => text), ['hello', 'again']);
  assert.deepEqual(state.notices.map(({ words }) => words), ['hello', 'again']);
});

test('letters of others are shown at once, unless they are being read', () => {
  const letter = { update: 'message', from: 'Otto', to: 'Mira', text: 'hello', sent_ms: 1 };
  assert.deepEqual(hear(after(welcome()), letter).notices.map(({ code, name }) => [code, name]), [['letter', 'Otto']]);
  const reading = fold(after(welcome()), { kind: 'ui', part: 'dialog', value: { kind: 'letters', name: 'Otto' } });
  assert.equal(hear(reading, letter).notices.length, 0);
  assert.equal(hear(after(welcome()), { ...letter, from: 'Mira', to: 'Otto' }).notices.length, 0);
  assert.equal(hear(after(welcome()), { ...letter, to: undefined, table: TABLE }).talk[TABLE].length, 1);
});

test('requests are pending until they are answered, and once though sent twice', () => {
  /** @type {import('../../../static/protocol.js').Request} */
  const request = { id: 'm1', ask: 'ping' };
  const twice = [request, request].reduce((state, asked) => fold(state, { kind: 'sent', request: asked }), initial());
  assert.deepEqual(twice.pending, [request]);
  assert.deepEqual(fold(twice, { kind: 'answered', answer: { update: 'done', id: 'm1' } }).pending, []);
});

// ---- the rows of the lobby -----------------------------------------------------------------------------------------

/** @param {string} name @param {any} [playing] */
const player = (name, playing = null) => ({ name, guest: false, table: playing });
/** @returns {any} */
const page = (rows, query = {}) => ({ update: 'lobby', query: { list: 'players', search: '', free_only: false, page: 0, ...query },
  players: rows.length, tables: 0, matching: rows.length, rows: { players: rows } });
const names = ({ rows }) => rows.map(({ row, gone }) => (gone ? `(${row.name})` : row.name)).join(' ');
/** @returns {any} */
const hold = (state, value) => fold(state, { kind: 'ui', part: 'listHeld', value });

test('rows follow the page while nobody points at them', () => {
  const shown = shownOf(shownOf(null, page([player('A'), player('C')]), false), page([player('A'), player('B'), player('C')]), false);
  assert.equal(names(shown), 'A B C');
  assert.equal(shown.changes, 0);
});

test('rows that are pointed at keep their places; what they say is new', () => {
  let state = hold(after(welcome(), page([player('A'), player('C')])), true);
  state = hear(state, page([player('B'), player('C', { table: 'x' })]));
  assert.equal(names(state.shown), '(A) C');
  assert.equal(state.shown.changes, 2);
  assert.deepEqual(state.shown.rows[1].row.table, { table: 'x' });
  state = hold(state, false);
  assert.equal(names(state.shown), 'B C');
  assert.equal(state.shown.changes, 0);
});

test('where there are no rows, none keep others away', () => {
  const state = hear(hold(after(welcome(), page([])), true), page([player('A')]));
  assert.equal(names(state.shown), 'A');
});

/** @returns {any} */
const search = (state, query) => fold(state, { kind: 'ui', part: 'query', value: { list: 'players', search: '', free_only: false, page: 0, ...query } });
/** @returns {any} */
const sent = (state, request) => fold(state, { kind: 'sent', request: { id: 'l1', ...request } });

test('another search is shown at once', () => {
  const state = hear(search(hold(after(welcome(), page([player('A')])), true), { search: ' b' }), page([player('B')], { search: 'b' }));
  assert.equal(names(state.shown), 'B');
});

test('a page that another tab asked for is not shown', () => {
  /** @type {any} */
  const own = after(welcome(), page([player('A')]));
  for (const query of [{ search: 'b' }, { list: 'tables' }, { free_only: true }, { page: 1 }]) {
    const other = page([player('B')], query);
    assert.equal(hear(own, other), own);
    assert.equal(fold(own, { kind: 'shared', shared: { ...own, lobby: other } }).shown, own.shown);
  }
  // A page that is no more, since players left, is shown as the last one there is; not so a page that another tab looks at.
  const last = search(own, { page: 7 });
  assert.equal(names(hear(last, { ...page([player('Z')], { page: 2 }), matching: 51 }).shown), 'Z');
  assert.equal(hear(last, { ...page([player('Z')], { page: 2 }), matching: 500 }), last);
});

test('a tab knows whether its own page is the one that the server shows', () => {
  let state = after(welcome());
  assert(isShowing(state));
  state = sent(state, { ask: 'lobby', ...page([], { search: 'b' }).query });
  assert(!isShowing(state) && isShowing(search(state, { search: ' b ' })));
  assert(!isShowing(sent(state, { ask: 'leave_lobby' })));
  assert(!isShowing(fold(search(state, { search: 'b' }), { kind: 'answered', answer: { update: 'refused', id: 'l1', code: 'too_many', words: '' } })));
});

test('every address has a screen, and none stops the page', () => {
  const screens = { '/': 'lobby', '/lobby': 'lobby', '/rules': 'rules', '/rules/': 'rules', '/player/Ann': 'player', '/table/t1': 'table', '/watch/t1/': 'watch',
    '/game/g1': 'game', '/login': 'login', '/account': 'account', '/games': 'games' };
  for (const [path, name] of Object.entries(screens)) assert.equal(routeOf(path).name, name, path);
  assert.deepEqual(routeOf('/player/%41nn'), { name: 'player', id: 'Ann' });
  for (const path of ['/player/%', '/player/%zz', '/player/%ff', '/player/%ed%a0%80', '/player/\ud800', '/player', '/player/', '/game', '/table//', '/rules/x', '/x', '/Rules',
    '/nowhere', '/__proto__', '/constructor', '/toString/x', '//', '/player/a/b', '', 'player', '/%']) {
    assert.equal(routeOf(path).name, ['', 'player', '//'].includes(path) ? 'lobby' : 'nowhere', path);
  }
  // Arbitrary addresses: from the letters that mean something in one, and from any code unit.
  let seed = 7;
  const random = (most) => (seed = (seed * 48271) % 2147483647) % most;
  const odd = ['/', '%', '%2', '%2f', '%00', '%E0%A4', '.', '..', '?', '#', '\\', ' ', 'player', 'table', '%C3%BC', '\ud83d', '\u0301', '__proto__'];
  for (let i = 0; i < 20_000; i += 1) {
    const path = `/${Array.from({ length: random(6) }, () => (random(3) ? odd[random(odd.length)] : String.fromCharCode(random(65_536)))).join('')}`;
    const { name, id } = routeOf(path);
    assert(Object.values(screens).includes(name) || name === 'nowhere', path);
    assert.doesNotThrow(() => encodeURIComponent(id), path);
  }
});

test('another account finds nothing of what the one before had begun', () => {
  const before = { ...after(welcome(), table(12)), ui: { theme: 'dark', draft: 'half a sen', dialog: { kind: 'letters', name: 'Zoe' }, turn: { card: 'r1' }, read: 'public' } };
  const other = welcome({ you: { name: 'Somebody-else', guest: false }, table: null });
  for (const next of [hear(before, other), fold(before, { kind: 'me', you: other.you }), fold(before, { kind: 'shared', shared: sharedOf(after(other)) })]) {
    assert.deepEqual([next.ui, next.tables, next.letters, next.seat], [{ theme: 'dark', read: 'public' }, {}, [], null]);
    assert.equal(next.you?.name, 'Somebody-else');
  }
});

test('what one tab is told another one shows, with its own screen', () => {
  const one = { ...after(welcome(), table(12)), ui: { draft: 'mine' } };
  const two = fold({ ...initial(), route: { name: 'rules', id: '' }, ui: { draft: 'yours' } }, { kind: 'shared', shared: sharedOf(one) });
  assert.deepEqual([two.tables, two.seat, two.you], [one.tables, one.seat, one.you]);
  assert.deepEqual([two.route.name, two.ui, two.follows], ['rules', { draft: 'yours' }, true]);
  const update = table(13);
  assert.deepEqual(hear(two, update).tables, hear(one, update).tables);
});

test('it is the own turn while the own game waits for it, and not when that is over', () => {
  const turn = (more, view) => ({ ...table(12, more), view: { ...table(12, more).view, turn: 'first', ...view } });
  assert(isYourTurn(after(welcome({ table: null }), turn())));
  for (const seen of [turn({}, { turn: 'second' }), turn({ viewer: 'watcher' }), turn({ stopped: true }), turn({ ending: { winner: 'first' } })]) {
    assert(!isYourTurn(after(welcome({ table: null }), seen)));
  }
  assert(!isYourTurn(hear(after(welcome({ table: null }), turn()), { update: 'table_closed', table: TABLE, why: 'saved' })));
});
