// All that the page knows, as one object that only `fold` changes; no DOM, clock or network here.

/** @import { Update, TableView, LobbyPage, LobbyQuery, You } from './protocol.js' */
/** @import { Pending, Welcome, Route, RouteName, State, StateEvent, Shared, Shown } from './page.js' */

/** Letters, table talk and notices that are kept, each. */
const KEPT = 200;
const NOTICES_KEPT = 5;
/** Sealed records of one table that are kept: as many as the server takes back. */
const SEALED_KEPT = 32;

/** Which screens there are, and whether their address names something. @type {Record<RouteName, boolean>} */
const ROUTES = {
  lobby: false, table: true, watch: true, game: true, player: true, games: false, rules: false, account: false, login: false, nowhere: false,
};
/** The parts of the state that only one tab's screen has. */
const OWN = new Set(['ui', 'route', 'shown', 'notices', 'noticed', 'follows']);
/** What stays of a screen when another account is logged in. */
const LASTING = ['nowMs', 'theme', 'alerts', 'login', 'read', 'replay', 'replayAt', 'replayProof', 'drawer', 'boxes'];

/**
 * The screen of an address, whatever the address: one that leads nowhere has a screen, too.
 * @param {string} path
 * @returns {Route}
 */
export function routeOf(path) {
  const [first = '', raw = '', ...more] = path.split('/').slice(1);
  const name = /** @type {RouteName} */ (first === '' ? 'lobby' : first);
  const id = decoded(raw);
  const fits = Object.hasOwn(ROUTES, name) && name !== 'nowhere' && id !== null && more.every((part) => part === '');
  return fits && (id !== '') === ROUTES[name] ? { name, id } : { name: 'nowhere', id: '' };
}

/** A part of an address as text, or nothing if it is none. @param {string} part */
function decoded(part) {
  try {
    const text = decodeURIComponent(part);
    // Half of a surrogate pair could not be written into another address.
    encodeURIComponent(text);
    return text;
  } catch {
    return null;
  }
}

/** Rows of a page of the lobby. */
export const PAGE_ROWS = 25;

/** What the lobby shows first. @type {LobbyQuery} */
export const FIRST_PAGE = { list: 'players', search: '', free_only: false, page: 0 };

/** What this tab shows of the lobby, with the search as it is typed. @param {State} state @returns {LobbyQuery} */
export const queryOf = ({ ui }) => ui.query ?? FIRST_PAGE;

/** The same as the server is asked for it. @param {LobbyQuery} query @returns {LobbyQuery} */
export const askedOf = ({ list, search, free_only, page }) => ({ list, search: search.trim(), free_only, page });

/** Whether the server shows this tab's page of the lobby: one session shows one page, and its tabs may want several. @param {State} state */
export const isShowing = (state) => state.showing !== null && sameQuery(state.showing, askedOf(queryOf(state)));

/** Whether a page is the one that this tab asked for; the server shows the last one instead of one behind it. @param {State} state @param {LobbyPage} page */
function isOwnPage(state, { query, matching }) {
  const wanted = askedOf(queryOf(state));
  const isLast = query.page < wanted.page && (query.page + 1) * PAGE_ROWS >= matching;
  return sameQuery(query, isLast ? { ...wanted, page: query.page } : wanted);
}

/** Of the lobby: how rows are told apart. @param {any} row @returns {string} */
export const rowKey = (row) => row.names ? row.table : row.name;

/** @returns {State} */
export function initial() {
  return {
    you: null,
    limits: null,
    offsetMs: 0,
    lobby: null,
    showing: null,
    shown: null,
    invites: { received: [], sent: [] },
    games: { saved: [], finished: [] },
    blocked: [],
    seat: null,
    tables: {},
    sealed: {},
    closed: {},
    wentBack: [],
    talk: {},
    letters: [],
    notices: [],
    noticed: 0,
    connection: { word: 'connecting', sinceMs: 0, retryAtMs: null },
    pending: [],
    route: { name: 'lobby', id: '' },
    follows: false,
    ui: {},
  };
}

/** What another tab needs to show the same. @param {State} state @returns {Shared} */
export const sharedOf = (state) =>
  /** @type {any} */ (Object.fromEntries(Object.entries(state).filter(([part]) => !OWN.has(part))));

/** Whether the own game waits for this player. @param {State} state */
export function isYourTurn({ seat, tables, closed }) {
  const table = seat && !(seat in closed) && tables[seat];
  if (!table || table.stopped || table.view.ending) return false;
  return table.view.turn === table.view.viewer;
}

/**
 * The state after an event.
 * @param {State} state
 * @param {StateEvent} event
 * @returns {State}
 */
export function fold(state, event) {
  switch (event.kind) {
    case 'update':
      return afterUpdate(state, event.update, event.nowMs ?? 0);
    case 'connection':
      return event.connection.word === 'logged_out'
        ? { ...withoutAccount(state), connection: event.connection }
        : { ...state, connection: event.connection };
    case 'me':
      return { ...asAccount(state, event.you), you: event.you };
    case 'shared':
      return withShared(asAccount(state, event.shared.you), event.shared);
    case 'follows':
      return { ...state, follows: event.follows };
    case 'route':
      return { ...state, route: event.route };
    case 'ui':
      return withShown({ ...state, ui: { ...state.ui, [event.part]: event.value } });
    case 'notice':
      return withNotice(state, { code: event.code ?? 'note', words: event.words, name: null });
    case 'noticed':
      return { ...state, notices: state.notices.filter(({ key }) => key !== event.key) };
    case 'sent':
      return { ...state, showing: showingAfter(state, event.request), pending: [...state.pending.filter(({ id }) => id !== event.request.id), event.request] };
    case 'answered':
      return afterAnswer(state, event);
  }
}

/** @param {State} state @param {Update} update @param {number} nowMs @returns {State} */
function afterUpdate(state, update, nowMs) {
  switch (update.update) {
    case 'welcome':
      return welcomed(state, update, nowMs);
    case 'lobby':
      return withLobby(state, update);
    case 'invites':
      return { ...state, invites: { received: update.received, sent: update.sent } };
    case 'games':
      return { ...state, games: { saved: update.saved, finished: update.finished, finished_unknown: update.finished_unknown } };
    case 'blocked':
      return { ...state, blocked: update.names };
    case 'table':
      return withTable(state, update);
    case 'saved':
      return withSaved(state, update.table, update.number);
    case 'table_closed':
      return closed(state, update.table, update.why);
    case 'message':
      return withMessage(state, update);
    case 'notice':
      return withNotice(update.code === 'went_back' ? goingBack(state, update.table) : state, update);
    default:
      return state;
  }
}

/**
 * Whether both are one account, whatever its name is; where a node of an older version does not tell the account, by the name.
 * @param {You | null | undefined} one @param {You | null | undefined} other
 */
export const isSameAccount = (one, other) => (one?.account && other?.account ? one.account === other.account : one?.name === other?.name);

/** What stays of the state under an account: its letters with its present name, or of another account nothing. @param {State} state @param {You | null} you @returns {State} */
function asAccount(state, you) {
  const was = state.you?.name;
  if (was === undefined || was === you?.name && isSameAccount(state.you, you)) return state;
  if (!you || !isSameAccount(state.you, you)) return withoutAccount(state);
  const renamed = (/** @type {string | null | undefined} */ name) => (name === was ? you.name : name);
  return { ...state, letters: state.letters.map((letter) => ({ ...letter, from: renamed(letter.from) ?? '', to: renamed(letter.to) })) };
}

/** What stays when an account is left: nothing it was told, and nothing it had begun. @param {State} state @returns {State} */
function withoutAccount({ route, ui, connection, follows, notices, noticed }) {
  const lasting = Object.fromEntries(LASTING.filter((part) => part in ui).map((part) => [part, ui[part]]));
  return { ...initial(), route, connection, follows, notices: notices.filter(({ code }) => code === 'note'), noticed, ui: lasting };
}

/** @param {State} state @param {Welcome} welcome @param {number} nowMs @returns {State} */
function welcomed(state, welcome, nowMs) {
  const next = withLobby({
    ...asAccount(state, welcome.you),
    you: welcome.you,
    limits: welcome.limits,
    offsetMs: welcome.now_ms - nowMs,
    showing: welcome.lobby.query,
    invites: welcome.invites,
    games: welcome.games,
    blocked: welcome.blocked,
  }, welcome.lobby);
  const left = next.seat && next.seat !== welcome.table?.table ? next.seat : null;
  const without = left ? closed(next, left, welcome.games.saved.some(({ table }) => table === left) ? 'saved' : 'finished') : next;
  return welcome.table ? withTable(without, welcome.table) : without;
}

/** What another tab shares; a page of the lobby that it shows may be another one. @param {State} state @param {Shared} shared */
const withShared = (state, { lobby, ...shared }) => withLobby({ ...state, ...shared, follows: true }, lobby);

/** @param {State} state @param {LobbyPage | null} page @returns {State} */
const withLobby = (state, page) => (page && isOwnPage(state, page) ? withShown({ ...state, lobby: page }) : state);

/** @param {State} state @param {Pending} request */
const showingAfter = ({ showing }, request) => (request.ask === 'lobby' ? askedOf(request) : request.ask === 'leave_lobby' ? null : showing);

/** @param {State} state @param {TableView} view @returns {State} */
function withTable(state, view) {
  const id = view.table;
  const held = state.tables[id];
  const mayGoBack = state.wentBack.includes(id);
  if (held && view.tip.number < held.tip.number && !mayGoBack) return state;
  const seated = view.view.viewer !== 'watcher';
  const over = view.stopped || view.view.ending !== null;
  const { [id]: _, ...stillClosed } = state.closed;
  return {
    ...state,
    tables: { ...state.tables, [id]: view },
    sealed: { ...state.sealed, [id]: kept(mayGoBack ? {} : state.sealed[id] ?? {}, view) },
    closed: over ? state.closed : stillClosed,
    wentBack: mayGoBack ? state.wentBack.filter((other) => other !== id) : state.wentBack,
    seat: seated && !(id in state.closed && over) ? id : state.seat,
  };
}

/**
 * The sealed records of a table that are not known to be saved, by number: those kept before and those of a new view.
 * @param {Record<number, string>} before
 * @param {TableView} view
 */
function kept(before, { tip, saved, sealed = [] }) {
  const first = tip.number - sealed.length;
  const all = { ...before, ...Object.fromEntries(sealed.map((seal, index) => [first + index, seal])) };
  return Object.fromEntries(Object.entries(all).filter(([number]) => Number(number) >= saved).slice(-SEALED_KEPT));
}

/** What a browser gives back of a table: oldest first. @param {State} state @param {string} table */
export function sealedOf(state, table) {
  const seals = Object.values(state.sealed[table] ?? {});
  return seals.length ? { sealed: seals } : {};
}

/** @param {State} state @param {string} table @param {number} number @returns {State} */
function withSaved(state, table, number) {
  const held = state.tables[table];
  if (!held) return state;
  const view = { ...held, saved: number, sealed: undefined };
  return { ...state, tables: { ...state.tables, [table]: view }, sealed: { ...state.sealed, [table]: kept(state.sealed[table] ?? {}, view) } };
}

/** @param {State} state @param {string} table @param {'finished' | 'saved' | 'unwatched'} why @returns {State} */
function closed(state, table, why) {
  return { ...state, closed: { ...state.closed, [table]: why }, seat: state.seat === table ? null : state.seat };
}

/** @param {State} state @param {import('./protocol.js').Message} message @returns {State} */
function withMessage(state, message) {
  const { table } = message;
  const said = table ? state.talk[table] ?? [] : state.letters;
  // Who comes back is told the last words anew.
  const isKnown = said.some(({ from, text, sent_ms: sentMs }) => from === message.from && text === message.text && sentMs === message.sent_ms);
  if (isKnown) return state;
  if (!table) return withLetter({ ...state, letters: [...said, message].slice(-KEPT) }, message);
  return { ...state, talk: { ...state.talk, [table]: [...said, message].slice(-KEPT) } };
}

/** Another player's words are shown at once, unless they are being read. @param {State} state @param {import('./protocol.js').Message} message */
function withLetter(state, { from, text }) {
  const isRead = from === state.you?.name || (state.ui.dialog?.kind === 'letters' && state.ui.dialog.name === from);
  return isRead ? state : withNotice(state, { code: 'letter', words: text, name: from });
}

/** A table's next view may be older than the one before, or any table's where a server does not say which. @param {State} state @param {string | null} [table] @returns {State} */
function goingBack(state, table) {
  return { ...state, wentBack: table ? [...state.wentBack, table] : Object.keys(state.tables) };
}

/** @param {State} state @param {{ code: string, words: string, name?: string | null }} notice @returns {State} */
function withNotice(state, { code, words, name }) {
  const noticed = state.noticed + 1;
  return { ...state, noticed, notices: [...state.notices, { key: noticed, code, words, name: name ?? null }].slice(-NOTICES_KEPT) };
}

/** @param {State} state @param {Extract<StateEvent, { kind: 'answered' }>} event @returns {State} */
function afterAnswer(state, { answer }) {
  const request = state.pending.find(({ id }) => id === answer.id);
  const pending = state.pending.filter(({ id }) => id !== answer.id);
  const wentBack = answer.update === 'refused' && answer.code === 'went_back' && request && 'table' in request
    ? [...state.wentBack, request.table] : state.wentBack;
  const showing = answer.update === 'refused' && request?.ask === 'lobby' ? null : state.showing;
  return { ...state, pending, wentBack, showing };
}

/** The rows that are shown follow the page at once, but while somebody points at them, only in place. @param {State} state */
function withShown(state) {
  const { lobby } = state;
  if (!lobby || lobby === state.shown?.page && state.ui.listHeld) return state;
  return { ...state, shown: shownOf(state.shown, lobby, Boolean(state.ui.listHeld)) };
}

/**
 * What the lobby shows of its newest page: `rows` in the order in which they are shown, and how many `changes` wait.
 * @param {Shown | null} shown
 * @param {LobbyPage} page
 * @param {boolean} held
 * @returns {Shown}
 */
export function shownOf(shown, page, held) {
  const rows = rowsOf(page);
  if (!held || !shown?.rows.length || !sameQuery(shown.page.query, page.query)) {
    return { page, rows: rows.map((row) => ({ row, gone: false })), changes: 0 };
  }
  const newest = new Map(rows.map((row) => [rowKey(row), row]));
  const kept = shown.rows.map(({ row }) => ({ row: newest.get(rowKey(row)) ?? row, gone: !newest.has(rowKey(row)) }));
  const had = new Set(shown.rows.map(({ row }) => rowKey(row)));
  const changes = kept.filter(({ gone }) => gone).length + rows.filter((row) => !had.has(rowKey(row))).length;
  return { page, rows: kept, changes };
}

/** @param {LobbyPage} page */
export const rowsOf = (page) => /** @type {any[]} */ ('players' in page.rows ? page.rows.players : page.rows.tables);

/** @param {LobbyQuery} a @param {LobbyQuery} b */
const sameQuery = (a, b) =>
  a.list === b.list && a.search === b.search && a.free_only === b.free_only && a.page === b.page;
