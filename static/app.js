// Wires the page together: one state, one connection, one screen at a time, one redraw per frame.

import { Connection, clock } from './connection.js';
import { patch } from './render.js';
import { hadLogin, keepAlerts, keepLogin, markIcon, page, stored, titleOf, useTheme } from './shell.js';
import { fold, initial, isYourTurn, routeOf, sealedOf, sharedOf } from './state.js';
import { words } from './words.js';

/** @import { Act, Reply, Route, RouteName, Screen, State, StateEvent } from './page.js' */
/** @import { Tabs } from './tabs.js' */

/** Loaded when they are shown first. @type {Record<RouteName, () => Promise<any>>} */
const SCREENS = {
  lobby: () => import('./screens/lobby.js'),
  table: () => import('./screens/table.js'),
  watch: () => import('./screens/table.js'),
  game: () => import('./screens/replay.js'),
  player: () => import('./screens/player.js'),
  games: () => import('./screens/games.js'),
  rules: () => import('./screens/rules.js'),
  account: () => import('./screens/account.js'),
  login: () => import('./screens/login.js'),
  nowhere: () => import('./screens/nowhere.js'),
};
/** What nobody sees without a login. */
const PRIVATE = new Set(['lobby', 'table', 'watch', 'account']);
/** What needs the session: these screens open it, wherever else it is open. */
const LIVE = new Set(['lobby', 'table', 'watch']);
const TICK_MS = 1000;
const NOTICE_LIVES_MS = 8_000;
/** How far the browser's clock may leave the page's before the server's time is measured anew. */
const JUMP_MS = 2_000;
/** How long another tab may take to say that it is there. */
const GREET_MS = 120;
/** When a page that needs no session looks again whether nobody else has it; the last one again and again. */
const QUIET_MS = [1_000, 3_000, 15_000];

/** @type {State} */
let state = initial();
/** @type {Map<RouteName, Screen>} */
const screens = new Map();
/** The route whose screen was told that it is shown. @type {{ route: Route, screen: Screen } | null} */
let entered = null;
/** @type {any} */
let dialogs = null;
/** @type {typeof import('./attention.js') | null} */
let attention = null;
/** Whether a start of the own game leads to its table: not when the page is opened elsewhere on purpose. */
let goesAlong = false;
let drawing = false;

/** @param {StateEvent} event */
function tell(event) {
  const before = state;
  state = fold(state, event);
  if (state === before) return;
  if (state.seat && state.seat !== before.seat && goesAlong) startGame(state.seat);
  if (event.kind === 'ui' && event.part === 'theme') useTheme(event.value);
  if (event.kind === 'ui' && event.part === 'alerts') keepAlerts(event.value);
  if (state.ui.alerts && state.tables !== before.tables) attend(before);
  redraw();
}

/** Of several tabs the one that is seen goes to the table, or the one that leads. @param {string} table */
function startGame(table) {
  if (document.visibilityState === 'visible' || !state.follows) act.go(`/table/${table}`);
}

const connection = new Connection({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`,
  hear(update) {
    happened({ kind: 'update', update, nowMs: clock() });
    if (update.update === 'welcome') welcomed();
  },
  state(now) {
    happened({ kind: 'connection', connection: now });
    if (now.word === 'logged_out') loggedOut();
  },
  sent: (request) => happened({ kind: 'sent', request }),
  answered: (answer) => happened({ kind: 'answered', answer }),
  dropped(requests) {
    if (requests.some(({ ask }) => MEANT.has(ask))) act.notice(words.anotherAccount);
  },
  seen() {
    const table = state.seat && state.tables[state.seat];
    return table ? { table: table.table, tip: table.tip, ...sealedOf(state, table.table) } : null;
  },
});
/** What a person asks for, so that he is told if it is not sent. */
const MEANT = new Set(['invite', 'accept', 'decline', 'withdraw', 'move', 'resign', 'save', 'claim_win', 'tell', 'say', 'block', 'unblock']);

/** What the connection brings is told to the tabs that follow, too. @param {StateEvent} event */
function happened(event) {
  tell(event);
  tabs?.relay(event);
}

/** There is a login, and what it may know is here. */
function welcomed() {
  goesAlong = true;
  keepLogin(true);
  if (state.route.name === 'login') act.redirect(state.seat ? `/table/${state.seat}` : placeAfterLogin());
  else if (!entered) show(state.route);
  else if (PRIVATE.has(entered.route.name)) entered.screen.enter?.(state, act);
}

/** Where to go after a login: from the login page to the lobby, and nowhere from a page that asked for it. */
const placeAfterLogin = () => (routeOf(location.pathname).name === 'login' ? '/' : location.pathname);

function loggedOut() {
  goesAlong = false;
  keepLogin(false);
  if (state.route.name === 'account') history.replaceState(null, '', '/');
  if (PRIVATE.has(state.route.name) || state.route.name === 'login') show({ name: 'login', id: '' });
}

// ---- who has the session -----------------------------------------------------------------------------------------------

const ME = Math.random().toString(36).slice(2);
/** What tabs of this browser say to each other. */
const channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('nineflags');
/** Once there is another tab. @type {Tabs | null} */
let tabs = null;
/** @type {Promise<Tabs> | null} */
let meeting = null;
/** Whether this tab has the session, or tries to. */
let leads = false;
/** Whether the tab that is followed shows the own table. */
let leaderPlays = false;
/** @type {(() => void) | null} */
let greeted = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let quiet;

/** Whether this tab shows the own table, or one that may be it as long as the server has not said which that is. */
const sits = () => state.route.name === 'table' && (state.connection.word !== 'connected' || state.seat === state.route.id);

/** @type {import('./tabs.js').Told} */
const told = {
  playing: () => sits(),
  seen: () => document.visibilityState === 'visible',
  you: () => state.you,
  // The tabs' clocks were set at different times: between them the offset is the server's time itself.
  shared: () => ({ ...sharedOf(state), offsetMs: state.offsetMs + clock() }),
  ask: (ask) => connection.ask(ask),
  follow(shared, playing) {
    const isNew = !state.follows;
    greeted?.();
    clearTimeout(quiet);
    leaderPlays = playing;
    tell({ kind: 'shared', shared: { ...shared, offsetMs: shared.offsetMs - clock() } });
    if (state.connection.word === 'logged_out') loggedOut();
    else if (!playing && sits()) lead();
    else if (isNew && state.you) welcomed();
  },
  stop() {
    leads = false;
    connection.close();
  },
  alone() {
    if (!leads) start();
  },
  event(event) {
    tell(event.kind === 'update' ? { ...event, nowMs: clock() } : event);
    if (event.kind === 'update' && event.update.update === 'welcome') welcomed();
    if (event.kind === 'connection' && event.connection.word === 'logged_out') loggedOut();
    watchOn(event);
  },
  unwatch(table) {
    if (state.route.name !== 'watch' || state.route.id !== table) act.ask({ ask: 'unwatch', table });
  },
};

/** Another tab no longer watches the table that this one does. @param {StateEvent} event */
function watchOn(event) {
  if (event.kind !== 'update' || event.update.update !== 'table_closed' || event.update.why !== 'unwatched') return;
  if (state.route.name === 'watch' && state.route.id === event.update.table) act.ask({ ask: 'watch', table: state.route.id });
}

function meet() {
  meeting ??= import('./tabs.js').then(({ Tabs }) => {
    tabs = new Tabs(ME, told, { post: (word) => channel?.postMessage(word), now: clock, after: (ms, run) => setTimeout(run, ms), cancel: (timer) => clearTimeout(timer) });
    if (leads) tabs.lead();
    return tabs;
  });
  return meeting;
}

/** @param {{ data: import('./tabs.js').Word }} message */
function hearTab({ data: word }) {
  if (word.kind === 'here' && word.to === ME && greeted) return greeted();
  if (word.kind === 'hello' && leads) channel?.postMessage({ kind: 'here', from: ME, to: word.from });
  meet().then((met) => met.hear(word), () => {});
}

/** Follows the tab that has the session, if there is one, or does without. */
async function begin() {
  if (!channel) return start();
  channel.onmessage = hearTab;
  const heard = new Promise((done) => (greeted = () => done(true)));
  channel.postMessage({ kind: 'hello', from: ME });
  const isThere = await Promise.race([heard, new Promise((done) => setTimeout(done, GREET_MS))]);
  greeted = null;
  if (state.follows || leads) return;
  if (isThere) meet().then((met) => met.look(), start);
  else start();
}

/** No other tab has the session: this one opens it where its screen needs it, or where nobody else plays by it. */
function start() {
  tell({ kind: 'follows', follows: false });
  if (LIVE.has(state.route.name)) lead();
  else lookQuietly(0);
}

/** Takes the session, from a tab or wherever else it is; anew after a login. */
function lead(anew = false) {
  leads = true;
  clearTimeout(quiet);
  tell({ kind: 'follows', follows: false });
  tabs?.lead();
  if (anew) connection.open();
  else connection.takeBack();
}

/** Finds out who is logged in, and opens the session only if nobody else has it: to read needs none. @param {number} tries */
async function lookQuietly(tries) {
  clearTimeout(quiet);
  // Where there seems to be no login nobody waits for the answer; but only the server knows, since a browser may forget all but its cookie.
  if (!hadLogin() && state.connection.word === 'connecting') knowLoggedOut();
  const { ok, status, data } = await act.get('/api/me');
  if (leads || state.follows) return;
  if (status === 401) return knowLoggedOut();
  if (ok) tell({ kind: 'me', you: { account: data.account, name: data.name, guest: data.guest, expires_ms: data.expires_ms } });
  if (ok && (data.online === false || state.route.name === 'login')) return lead();
  tell({ kind: 'connection', connection: { word: ok ? 'quiet' : 'reconnecting', sinceMs: clock(), retryAtMs: null } });
  quiet = setTimeout(() => document.visibilityState === 'visible' && lookQuietly(tries + 1), QUIET_MS[Math.min(tries, QUIET_MS.length - 1)]);
}

function knowLoggedOut() {
  tell({ kind: 'connection', connection: { word: 'logged_out', sinceMs: clock(), retryAtMs: null } });
  loggedOut();
}

/** There is reason to doubt that things are as they were. */
function doubt() {
  if (leads) connection.doubt();
  else if (state.follows) tabs?.look();
  else if (state.connection.word === 'quiet' || state.connection.word === 'reconnecting') lookQuietly(0);
}

/** @param {PageTransitionEvent} event */
function hide(event) {
  tabs?.leave(state.route.name === 'watch' ? state.route.id : null);
  if (!event.persisted || !leads) return;
  leads = false;
  connection.close();
}

// ---- what a screen may do ------------------------------------------------------------------------------------------------

/** @type {Act} */
const act = {
  ask(ask) {
    if (state.follows && tabs) return tabs.ask(ask);
    if (!leads && state.connection.word !== 'logged_out') lead();
    return connection.ask(ask);
  },
  ui: (part, value) => tell({ kind: 'ui', part, value: typeof value === 'function' ? value(state.ui[part]) : value }),
  go(path) {
    if (path !== location.pathname + location.search) history.pushState(null, '', path);
    const route = routeOf(location.pathname);
    // Who goes to the own table wants to play there.
    if (state.follows && route.name === 'table' && route.id === state.seat) lead();
    show(route);
    scrollTo(0, 0);
  },
  redirect(path) {
    history.replaceState(null, '', path);
    show(routeOf(location.pathname));
  },
  notice(said) {
    tell({ kind: 'notice', words: said });
  },
  noticed: (key) => tell({ kind: 'noticed', key }),
  get: (path) => reply(fetch(path)),
  post: (path, body = {}) =>
    reply(fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })),
  login() {
    goesAlong = false;
    lead(true);
  },
  takeBack: () => lead(),
};

/** @param {Promise<Response>} asked @returns {Promise<Reply>} */
async function reply(asked) {
  try {
    const response = await asked;
    const data = await response.json().catch(() => ({}));
    return { ok: response.ok, status: response.status, data };
  } catch {
    return { ok: false, status: 0, data: { code: 'unreachable' } };
  }
}

/** @param {Route} wanted */
function show(wanted) {
  const isOut = state.connection.word === 'logged_out';
  // Who is logged in has nothing to do on the login page: a guest would lose his name there.
  if (wanted.name === 'login' && state.you && !isOut) return act.redirect('/');
  const route = isOut && PRIVATE.has(wanted.name) ? { name: /** @type {RouteName} */ ('login'), id: '' } : wanted;
  if (entered && (entered.route.name !== route.name || entered.route.id !== route.id)) {
    entered.screen.leave?.(state, act);
    entered = null;
    // A dialog belongs to the page that it was opened on; over a game that has begun it would be in the way.
    if (state.ui.dialog) act.ui('dialog', null);
  }
  tell({ kind: 'route', route });
  redraw();
  if (LIVE.has(route.name) && state.connection.word === 'quiet') lead();
  if (state.follows && sits() && !leaderPlays) lead();
  const isUnknown = state.connection.word === 'connecting';
  if (isUnknown && (PRIVATE.has(route.name) ? !hadLogin() : route.name === 'login' && hadLogin())) return;
  const screen = screens.get(route.name);
  if (screen) enter(route, screen);
  else load(route);
}

/** @param {Route} route */
async function load(route) {
  try {
    const screen = await SCREENS[route.name]();
    screens.set(route.name, screen);
    if (state.route === route) enter(route, screen);
  } catch {
    tell({ kind: 'notice', words: words.broken });
  }
  redraw();
}

/** @param {Route} route @param {Screen} screen */
function enter(route, screen) {
  if (entered) return;
  entered = { route, screen };
  screen.enter?.(state, act);
  redraw();
}

function redraw() {
  if (drawing) return;
  drawing = true;
  // A page that nobody sees has no frames, but its title and its icon are seen.
  if (document.visibilityState === 'visible') requestAnimationFrame(draw);
  else setTimeout(draw);
}

function draw() {
  drawing = false;
  /** @type {Partial<Screen>} */
  const screen = screens.get(state.route.name) ?? {};
  if (state.ui.dialog && !dialogs) loadDialogs();
  const dialog = state.ui.dialog && dialogs ? dialogs.draw(state, act) : null;
  const root = document.getElementById('app');
  if (root) patch(root, page(state, act, screen, { dialog }));
  document.title = titleOf(state, screen);
  // Who looks at the table sees it there.
  markIcon(isYourTurn(state) && (state.route.name !== 'table' || document.visibilityState !== 'visible'));
}

/** Sound and notification, for who wants them; the tab that leads gives them. @param {State} before */
async function attend(before) {
  const { sound, notify } = state.ui.alerts;
  const wanted = (sound || notify) && !state.follows;
  if (!wanted || isYourTurn(before) || !isYourTurn(state)) return;
  attention ??= await import('./attention.js');
  attention.call({ sound, notify }, words.yourTurn);
}

async function loadDialogs() {
  dialogs = { draw: () => null };
  try {
    dialogs = await import('./dialogs.js');
  } catch {
    // Without a connection, say: it is tried again when a dialog is opened again.
    dialogs = null;
    act.ui('dialog', null);
    act.notice(words.broken);
  }
  redraw();
}

/** Once a second: what counts down is drawn anew, and old notices go. */
function tick() {
  const now = clock();
  act.ui('nowMs', now);
  entered?.screen.tick?.(state, act);
  for (const { key } of state.notices) {
    if (!noticedAt.has(key)) noticedAt.set(key, now);
    else if (now - (noticedAt.get(key) ?? 0) > NOTICE_LIVES_MS) act.noticed(key);
  }
  // Either the browser's clock was set, or the machine slept, and the page's clock with it.
  const ahead = Date.now() - now;
  if (Math.abs(ahead - aheadMs) > JUMP_MS && leads) connection.renew();
  aheadMs = ahead;
}

/** How far the browser's clock is ahead of the page's. */
let aheadMs = 0;
/** @type {Map<number, number>} */
const noticedAt = new Map();

/** Links inside the page do not load it anew. @param {MouseEvent} event */
function follow(event) {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link?.getAttribute('href')?.startsWith('/') || link.origin !== location.origin) return;
  if (link.hasAttribute('target') || link.hasAttribute('download')) return;
  event.preventDefault();
  act.go(link.pathname + link.search);
}

document.addEventListener('click', follow);
addEventListener('popstate', () => show(routeOf(location.pathname)));
addEventListener('online', doubt);
addEventListener('offline', doubt);
addEventListener('pagehide', hide);
addEventListener('pageshow', (event) => event.persisted && (leads ? doubt() : begin()));
document.addEventListener('visibilitychange', () => {
  drawing = false;
  redraw();
  if (document.visibilityState !== 'visible') return;
  doubt();
  // Another tab may have asked for another page of the lobby meanwhile.
  if (entered?.route.name === 'lobby') entered.screen.enter?.(state, act);
});
setInterval(tick, TICK_MS);
tick();
act.ui('theme', stored('theme') ?? 'system');
act.ui('alerts', { sound: stored('sound') === 'yes', notify: stored('notify') === 'yes' });
show(routeOf(location.pathname));
begin();
