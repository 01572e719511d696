// Wires the page together: one state, one connection, one screen at a time, one redraw per frame.

import { Connection } from './connection.js';
import { patch } from './render.js';
import { page } from './shell.js';
import { fold, initial, sealedOf } from './state.js';
import { words } from './words.js';

/** @import { Act, Reply, Route, RouteName, Screen, State, StateEvent } from './protocol.js' */

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
/** What nobody sees without a login, and what a new session must be asked for again. */
const PRIVATE = new Set(['lobby', 'table', 'watch', 'account']);
/** Kept in the browser: that there was a login, so that screens are loaded before the server has answered. */
const HAD_LOGIN = 'hadLogin';
const TICK_MS = 1000;
const NOTICE_LIVES_MS = 8_000;

/** @type {State} */
let state = initial();
/** @type {Map<RouteName, Screen>} */
const screens = new Map();
/** The route whose screen was told that it is shown. @type {{ route: Route, screen: Screen } | null} */
let entered = null;
/** @type {any} */
let dialogs = null;
/** Whether a start of the own game leads to its table: not when the page is opened elsewhere on purpose. */
let follows = false;
let drawing = false;

/** @param {StateEvent} event */
function tell(event) {
  const before = state;
  state = fold(state, event);
  if (state === before) return;
  if (state.seat && state.seat !== before.seat && follows) act.go(`/table/${state.seat}`);
  if (event.kind === 'ui' && event.part === 'theme') useTheme(event.value);
  redraw();
}

const connection = new Connection({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`,
  hear(update) {
    const isWelcome = update.update === 'welcome';
    tell({ kind: 'update', update, nowMs: Date.now() });
    if (!isWelcome) return;
    follows = true;
    store(HAD_LOGIN, 'yes');
    if (state.route.name === 'login') act.go(state.seat ? `/table/${state.seat}` : placeAfterLogin());
    else if (!entered) show(state.route);
    else if (PRIVATE.has(entered.route.name)) entered.screen.enter?.(state, act);
  },
  state(now) {
    tell({ kind: 'connection', connection: now });
    if (now.word === 'logged_out') loggedOut();
  },
  sent: (request) => tell({ kind: 'sent', request }),
  answered: (answer) => tell({ kind: 'answered', answer }),
  seen() {
    const table = state.seat && state.tables[state.seat];
    return table ? { table: table.table, tip: table.tip, ...sealedOf(state, table.table) } : null;
  },
});

/** Where the login page stands for another one, that one. */
const placeAfterLogin = () => (location.pathname === '/login' ? '/' : location.pathname);

function loggedOut() {
  follows = false;
  store(HAD_LOGIN, null);
  if (state.route.name === 'account') history.replaceState(null, '', '/');
  if (PRIVATE.has(state.route.name)) show({ name: 'login', id: '' });
}

/** @type {Act} */
const act = {
  ask: (ask) => connection.ask(ask),
  ui: (part, value) => tell({ kind: 'ui', part, value: typeof value === 'function' ? value(state.ui[part]) : value }),
  go(path) {
    if (path !== location.pathname + location.search) history.pushState(null, '', path);
    show(routeOf(location.pathname));
    scrollTo(0, 0);
  },
  notice(said) {
    tell({ kind: 'notice', words: said });
  },
  noticed: (key) => tell({ kind: 'noticed', key }),
  get: (path) => reply(fetch(path)),
  post: (path, body = {}) =>
    reply(fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })),
  login() {
    follows = false;
    connection.open();
  },
  retry: () => connection.doubt(),
  takeBack: () => connection.takeBack(),
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

/** @param {string} path @returns {Route} */
function routeOf(path) {
  const [first = '', id = ''] = path.split('/').slice(1);
  if (first === '') return { name: 'lobby', id: '' };
  if (!Object.hasOwn(SCREENS, first)) return { name: 'nowhere', id: '' };
  return { name: /** @type {RouteName} */ (first), id: decodeURIComponent(id) };
}

/** @param {Route} wanted */
function show(wanted) {
  const route = state.connection.word === 'logged_out' && PRIVATE.has(wanted.name) ? { name: /** @type {RouteName} */ ('login'), id: '' } : wanted;
  if (entered && (entered.route.name !== route.name || entered.route.id !== route.id)) {
    entered.screen.leave?.(state, act);
    entered = null;
  }
  tell({ kind: 'route', route });
  redraw();
  const mayBeLoggedOut = state.connection.word === 'connecting' && stored(HAD_LOGIN) === null;
  if (PRIVATE.has(route.name) && mayBeLoggedOut) return;
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
  requestAnimationFrame(draw);
}

function draw() {
  drawing = false;
  /** @type {Partial<Screen>} */
  const screen = screens.get(state.route.name) ?? {};
  if (state.ui.dialog && !dialogs) loadDialogs();
  const dialog = state.ui.dialog && dialogs ? dialogs.draw(state, act) : null;
  const root = document.getElementById('app');
  if (root) patch(root, page(state, act, screen, { dialog }));
  const title = screen.title?.(state);
  document.title = title ? `${title} · ${words.brand}` : words.brand;
}

async function loadDialogs() {
  dialogs = { draw: () => null };
  dialogs = await import('./dialogs.js');
  redraw();
}

/** @param {string} theme */
function useTheme(theme) {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  store('theme', theme);
}

// What is kept in the browser; where storage is blocked it lasts as long as the page.

/** @param {string} key @param {string | null} value */
function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Blocked.
  }
}

/** @param {string} key */
function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Once a second: what counts down is drawn anew, and old notices go. */
function tick() {
  act.ui('nowMs', Date.now());
  for (const { key } of state.notices) {
    if (!noticedAt.has(key)) noticedAt.set(key, Date.now());
    else if (Date.now() - (noticedAt.get(key) ?? 0) > NOTICE_LIVES_MS) act.noticed(key);
  }
}

/** @type {Map<number, number>} */
const noticedAt = new Map();

/** Links inside the page do not load it anew. @param {MouseEvent} event */
function follow(event) {
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a[href^="/"]') : null;
  if (!link || link.hasAttribute('target') || link.hasAttribute('download')) return;
  event.preventDefault();
  act.go(link.getAttribute('href') ?? '/');
}

document.addEventListener('click', follow);
addEventListener('popstate', () => show(routeOf(location.pathname)));
addEventListener('online', () => connection.doubt());
addEventListener('offline', () => connection.doubt());
addEventListener('pageshow', (event) => event.persisted && connection.doubt());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && connection.doubt());
setInterval(tick, TICK_MS);
tick();
act.ui('theme', stored('theme') ?? 'system');
show(routeOf(location.pathname));
connection.open();
