// The only user of the websocket: keeps one open, and asks until there is an answer.

import { isSameAccount } from './state.js';

/** @import { Answer, Ask, Pending, ConnectionState } from './page.js' */
/** @import { Request, TableView, Update, You } from './protocol.js' */

const SUBPROTOCOL = 'nineflags.1';

/** The first try is made at once; then up to this, doubling, up to the most. */
const BACKOFF_FIRST_MS = 400;
const BACKOFF_MOST_MS = 8_000;
/** After being told to slow down, or that there is no room. */
const BACKOFF_SLOW_MS = 5_000;
/** How long nothing may be heard before a ping is sent, and how long its answer may take. */
const SILENCE_MS = 20_000;
const ANSWER_MS = 5_000;
/** The same when there is reason to doubt: after sleep, or a change of the network. */
const DOUBT_MS = 2_000;
/** A move that cannot be saved just now is kept, and sent again so soon. */
const WAIT_MS = 1_000;
const KEPT = new Set(['move', 'resign']);
const NOT_NOW = new Set(['unavailable', 'frozen']);

/**
 * How long to wait before a try: anything from none to a limit that doubles, so that not all come at once.
 * @param {number} tries made since the last welcome
 * @param {number} random from 0 to 1
 */
export function delayOf(tries, random) {
  if (tries === 0) return 0;
  return Math.round(random * Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (tries - 1)));
}

/**
 * What to do when a socket has closed.
 * @param {number} code
 * @returns {'again' | 'slowly' | 'logged_out' | 'elsewhere'}
 */
export function afterClose(code) {
  switch (code) {
    case 4401:
      return 'logged_out';
    case 4409:
      return 'elsewhere';
    case 4400:
    case 4429:
    case 4503:
      return 'slowly';
    default:
      return 'again';
  }
}

/**
 * The requests to send after a welcome: first what was seen of the own table, then all that was not answered, as it was.
 * @param {Request[]} unanswered
 * @param {Seen | null} seen
 * @param {() => string} newId
 * @returns {Request[]}
 */
export function afterWelcome(unanswered, seen, newId) {
  const again = unanswered.filter(({ ask }) => ask !== 'ping' && ask !== 'seen');
  return seen ? [{ id: newId(), ask: 'seen', ...seen }, ...again] : again;
}

/** @typedef {{ table: string, tip: import('./protocol.js').Tip, sealed?: string[] }} Seen */

/**
 * @typedef {{ open: (url: string, protocol: string) => WebSocket, now: () => number, random: () => number,
 *   isOnline: () => boolean, after: (ms: number, run: () => void) => any, cancel: (timer: any) => void }} World
 */

/** Milliseconds since 1970 when the page was loaded, counted on from there whatever happens to the browser's clock. */
export const clock = () => performance.timeOrigin + performance.now();

/** What a browser has. @type {World} */
const BROWSER = {
  open: (url, protocol) => new WebSocket(url, protocol),
  now: clock,
  random: () => Math.random(),
  isOnline: () => navigator.onLine !== false,
  after: (ms, run) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
};

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  #welcomed = false;
  #everWelcomed = false;
  #tries = 0;
  /** When to be with another node, as this one asked. @type {number | null} */
  #moveAtMs = null;
  /** The socket that takes over from the present one once it is welcome. @type {WebSocket | null} */
  #next = null;
  /** @type {any} */
  #retryTimer = null;
  /** @type {any} */
  #watchTimer = null;
  #count = 0;
  #run;
  /** In the order asked, each with the account it was asked under. @type {Map<string, { request: Request, you: You | null, settle: (answer: Answer) => void }>} */
  #unanswered = new Map();
  /** Each table as this socket was sent it last: what changes comes alone. @type {Map<string, TableView>} */
  #tables = new Map();
  /** The account of the last welcome. @type {You | null} */
  #you = null;
  /** @type {ConnectionState['word']} */
  #word = 'connecting';
  #sinceMs = 0;

  /**
   * @param {{ url: string, hear: (update: Update) => void, state: (connection: ConnectionState) => void,
   *   sent: (request: Pending) => void, answered: (answer: Answer) => void, dropped: (requests: Request[]) => void,
   *   seen: () => Seen | null }} told
   * @param {World} [world]
   */
  constructor(told, world = BROWSER) {
    this.told = told;
    this.world = world;
    // So long that nobody can guess what a record was by trying its hash with every request id.
    this.#run = Array.from({ length: 3 }, () => Math.floor(world.random() * 36 ** 8).toString(36)).join('');
  }

  /** Opens the socket, and keeps it open. */
  open() {
    this.#drop();
    this.#tries = 0;
    this.#everWelcomed = false;
    this.#connect();
  }

  /** Opens the socket again after another session took over. */
  takeBack() {
    this.#drop();
    this.#tries = 0;
    this.#connect();
  }

  /** Closes the socket, since another tab opens one; what was not answered is not sent any more. */
  close() {
    this.#drop();
    this.#giveUp('elsewhere');
  }

  /** Has itself welcomed anew, as when a node goes away: the server's time is measured again, say. */
  renew() {
    if (this.#welcomed && this.#moveAtMs === null) this.#moveLater(0);
  }

  /** Tries at once if it waits for the next try, and doubts that an open socket lives: after sleep, or when the network changed. */
  doubt() {
    if (this.#retryTimer !== null && this.#moveAtMs === null) this.#connect();
    else if (this.#welcomed) this.#probe(DOUBT_MS);
  }

  /**
   * Asks; resolves with `done` or `refused`, however often the connection breaks meanwhile.
   * @param {Ask} ask
   * @returns {Promise<Answer>}
   */
  ask(ask) {
    const request = /** @type {Request} */ ({ id: this.#newId(), ...ask });
    if (this.#word === 'logged_out' || this.#word === 'elsewhere') return Promise.resolve(notLive(request));
    return new Promise((settle) => {
      this.#unanswered.set(request.id, { request, you: this.#you, settle });
      this.told.sent(request);
      this.#send(request);
    });
  }

  #newId = () => {
    this.#count += 1;
    return `${this.#run}-${this.#count}`;
  };

  /** @param {Request} request */
  #send(request) {
    if (this.#welcomed && this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(request));
  }

  #connect() {
    this.world.cancel(this.#retryTimer);
    this.#retryTimer = null;
    this.#become(this.#waitWord(), null);
    this.#socket = this.#opened();
    this.#watch(SILENCE_MS, () => this.#abandon());
  }

  #opened() {
    const socket = this.world.open(this.told.url, SUBPROTOCOL);
    socket.onmessage = ({ data }) => {
      if (socket === this.#next) this.#moved();
      if (socket === this.#socket) this.#hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (socket === this.#next) this.#missed();
      else if (socket === this.#socket) this.#left(code);
    };
    return socket;
  }

  /**
   * The node is going away: another socket is opened when it is this browser's turn, and the present one is used until
   * that one is welcome, so that nothing is lost or late.
   * @param {number} delayMs
   */
  #moveLater(delayMs) {
    this.#moveAtMs = this.world.now() + delayMs;
    this.world.cancel(this.#retryTimer);
    this.#retryTimer = this.world.after(delayMs, () => this.#move());
    this.#become('moving', null);
  }

  #move() {
    this.#retryTimer = null;
    this.#next = this.#opened();
  }

  /** The new socket is welcome: the old one is let go. */
  #moved() {
    const old = this.#socket;
    this.#socket = this.#next;
    this.#next = null;
    this.#moveAtMs = null;
    this.#welcomed = false;
    old?.close();
  }

  /** The new socket found no other node: it is tried again as long as the old one lasts. */
  #missed() {
    this.#next = null;
    this.#tries += 1;
    if (!this.#socket) return this.#closed(1006);
    this.#retryTimer = this.world.after(delayOf(this.#tries, this.world.random()), () => this.#move());
  }

  /**
   * The present socket has closed. While a new one is on its way that is only the node's goodbye, or this browser's own
   * new session taking over.
   * @param {number} code
   */
  #left(code) {
    if (!this.#next) return this.#closed(code);
    this.#socket = null;
    this.#welcomed = false;
    this.world.cancel(this.#watchTimer);
    this.#watch(SILENCE_MS, () => this.#abandon());
  }

  /** @param {Update} update */
  #hear(update) {
    switch (update.update) {
      case 'welcome':
        this.#start(update);
        break;
      case 'done':
      case 'refused':
        this.#answer(update);
        break;
      case 'reconnect':
        this.#moveLater(update.delay_ms);
        break;
      case 'table':
        this.#show(update);
        break;
      case 'table_changes':
        this.#change(update);
        break;
      default:
        if (update.update === 'table_closed') this.#tables.delete(update.table);
        this.told.hear(update);
    }
    if (this.#welcomed) this.#watch(SILENCE_MS, () => this.#probe(ANSWER_MS));
  }

  /** @param {TableView} view */
  #show(view) {
    this.#tables.set(view.table, view);
    this.told.hear({ ...view, update: 'table' });
  }

  /** Makes the view that changes make of the one before. Where that is missing everything is sent anew. @param {Extract<Update, { update: 'table_changes' }>} changes */
  #change({ update: _, view, log_from: from, log, ...news }) {
    const before = this.#tables.get(news.table);
    if (!before || from > before.log.length) return this.renew();
    const flags = [...before.view.flags];
    for (const [place, flag] of view.flags) flags[place] = flag;
    // What is none is absent.
    const none = { unsaved: undefined, sealed: undefined };
    this.#show({ ...before, ...none, ...news, view: { ...before.view, ...view, flags }, log: [...before.log.slice(0, from), ...log] });
  }

  /** @param {import('./page.js').Welcome} welcome */
  #start(welcome) {
    this.#tables = new Map(welcome.table ? [[welcome.table.table, welcome.table]] : []);
    // Taken before the welcome is heard, which may bring a newer view.
    const seen = this.#everWelcomed && isSameAccount(this.#you, welcome.you) ? this.told.seen() : null;
    this.#forgetOthers(welcome.you);
    const unanswered = [...this.#unanswered.values()].map(({ request }) => request);
    this.#welcomed = true;
    this.#everWelcomed = true;
    this.#tries = 0;
    this.#moveAtMs = null;
    for (const request of afterWelcome(unanswered, seen, this.#newId)) {
      if (request.ask === 'seen') this.told.sent(request);
      this.#send(request);
    }
    this.#become('connected', null);
    this.told.hear(welcome);
  }

  /** What was asked under another account is not sent under this one. @param {You} you */
  #forgetOthers(you) {
    const others = [...this.#unanswered.values()].filter((asked) => asked.you !== null && !isSameAccount(asked.you, you));
    this.#you = you;
    for (const { request } of others) this.#answer(refused(request, 'another_account'));
    if (others.length) this.told.dropped(others.map(({ request }) => request));
  }

  /** @param {Answer} answer */
  #answer(answer) {
    const asked = this.#unanswered.get(answer.id);
    if (asked && isNotNow(asked.request, answer)) return this.#askLater(asked.request);
    this.#unanswered.delete(answer.id);
    this.told.answered(answer);
    asked?.settle(answer);
  }

  /** @param {Request} request */
  #askLater(request) {
    this.told.sent({ ...request, waits: true });
    this.world.after(WAIT_MS, () => {
      if (this.#unanswered.has(request.id)) this.#send(request);
    });
  }

  /** @param {number} code */
  #closed(code) {
    const moveInMs = this.#moveAtMs === null ? null : Math.max(0, this.#moveAtMs - this.world.now());
    this.#drop();
    const then = afterClose(code);
    if (then === 'logged_out' || then === 'elsewhere') return this.#giveUp(then);
    const slowly = then === 'slowly' ? BACKOFF_SLOW_MS : 0;
    const delay = (this.#tries === 0 ? moveInMs : null) ?? slowly + delayOf(this.#tries, this.world.random());
    this.#tries += 1;
    this.#retryTimer = this.world.after(delay, () => this.#connect());
    this.#become(this.#waitWord(), this.world.now() + delay);
  }

  /** @param {'logged_out' | 'elsewhere'} word */
  #giveUp(word) {
    this.#become(word, null);
    for (const { request } of [...this.#unanswered.values()]) this.#answer(notLive(request));
  }

  /** Forgets the socket; whatever it still says is not heard. */
  #drop() {
    this.world.cancel(this.#retryTimer);
    this.world.cancel(this.#watchTimer);
    this.#retryTimer = null;
    this.#watchTimer = null;
    this.#moveAtMs = null;
    this.#welcomed = false;
    const sockets = [this.#socket, this.#next];
    this.#socket = null;
    this.#next = null;
    sockets.forEach((socket) => socket?.close());
  }

  /** The socket is taken for dead. */
  #abandon() {
    this.#drop();
    this.#closed(1006);
  }

  /** @param {number} patience */
  #probe(patience) {
    const request = /** @type {Request} */ ({ id: this.#newId(), ask: 'ping' });
    this.#send(request);
    this.#watch(patience, () => this.#abandon());
  }

  /** @param {number} ms @param {() => void} run */
  #watch(ms, run) {
    this.world.cancel(this.#watchTimer);
    this.#watchTimer = this.world.after(ms, run);
  }

  #waitWord() {
    if (!this.world.isOnline()) return 'offline';
    return this.#everWelcomed || this.#tries > 0 ? 'reconnecting' : 'connecting';
  }

  /** @param {ConnectionState['word']} word @param {number | null} retryAtMs */
  #become(word, retryAtMs) {
    if (word !== this.#word) this.#sinceMs = this.world.now();
    this.#word = word;
    this.told.state({ word, sinceMs: this.#sinceMs, retryAtMs });
  }
}

/** Whether a move can only wait until the server can save again. @param {Request} request @param {Answer} answer */
const isNotNow = (request, answer) => KEPT.has(request.ask) && answer.update === 'refused' && NOT_NOW.has(answer.code);

/** @param {Request} request @param {import('./page.js').Refused['code']} code @returns {Answer} */
const refused = (request, code) => ({ update: 'refused', id: request.id, code, words: '' });

/** @param {Request} request */
const notLive = (request) => refused(request, 'not_live');
