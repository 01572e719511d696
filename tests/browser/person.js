// One person at a browser: does by click or tap what a player does, and remembers all that was sent to him.

import assert from 'node:assert/strict';

import { boardOf } from './board.js';
import { leaks } from './secrets.js';

const PASSWORD = 'correct horse battery';

/** What the dialog of an invite calls the options that tests ask for. */
const OPTIONS = { turn_start: 'Before the play', removable: 'Can be taken away', off: 'Troops only' };

/** How long anything may take to show, in milliseconds. */
const PATIENCE_MS = 20_000;

export class Person {
  /** All frames that the server sent, in order. @type {any[]} */
  frames = [];
  /** Errors of the page, and addresses elsewhere that it asked. @type {string[]} */
  faults = [];
  /** Whether the newest socket is open and welcomed. */
  live = false;
  /** @type {import('playwright-core').BrowserContext} */
  context;
  /** @type {import('playwright-core').Page} */
  page;

  /** @param {string} url @param {string} name @param {object} device */
  constructor(url, name, device) {
    this.url = url;
    this.name = name;
    this.touch = 'hasTouch' in device;
  }

  /** Opens the start page in a context of its own. */
  static async open(browser, url, name, device) {
    const person = new Person(url, name, device);
    person.context = await browser.newContext({ ...device, baseURL: url });
    person.context.setDefaultTimeout(PATIENCE_MS);
    person.page = await person.context.newPage();
    person.#listen();
    await person.page.goto('/');
    return person;
  }

  #listen() {
    let newest;
    this.page.on('websocket', (socket) => {
      newest = socket;
      this.live = false;
      socket.on('framereceived', ({ payload }) => {
        const frame = JSON.parse(payload.toString());
        this.frames.push(frame);
        if (socket === newest && frame.update === 'welcome') this.live = true;
      });
      socket.on('close', () => {
        if (socket === newest) this.live = false;
      });
    });
    this.page.on('pageerror', (error) => this.faults.push(`error: ${error.message}`));
    this.page.on('console', (line) => {
      // Whoever is not logged in is told so.
      const isAnswer = line.location().url.endsWith('/api/me') && line.text().includes('401');
      if (line.type() === 'error' && !isAnswer) this.faults.push(`console: ${line.text()}`);
    });
    this.page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith('http') && host !== new URL(this.url).host) this.faults.push(`asked ${request.url()}`);
    });
  }

  /** Click, or tap on a phone. */
  press(locator) {
    return this.touch ? locator.tap() : locator.click();
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  /** A button by its whole name, the first if there are several. */
  exactly(name) {
    return this.page.getByRole('button', { name, exact: true }).first();
  }

  // ---- what was sent -----------------------------------------------------------------------------------------------

  /** The newest view of a table; `undefined` before there is one. */
  table(id) {
    const view = (frame) => (frame.update === 'welcome' ? frame.table : frame.update === 'table' ? frame : null);
    return this.frames.map(view).findLast((table) => table && (!id || table.table === id));
  }

  /** Why a table was closed: `finished`, `saved` or `unwatched`; `undefined` while it is not. */
  closed(id) {
    return this.frames.findLast((frame) => frame.update === 'table_closed' && frame.table === id)?.why;
  }

  /** Whether a table was closed after its last view came. */
  closedNow(id) {
    const about = (frame) => (frame.table?.table ?? frame.table) === id && ['welcome', 'table', 'table_closed'].includes(frame.update);
    return this.frames.findLast(about)?.update === 'table_closed';
  }

  /** Waits until `test` holds; it is asked again after each frame and every 50 ms. */
  async until(test, what) {
    for (const end = Date.now() + PATIENCE_MS; !test(); await this.page.waitForTimeout(50)) {
      assert(Date.now() < end, `${this.name} waited for ${what}`);
    }
  }

  /** No frame named a card this person could not know when it came. */
  wasSentNoSecrets(game) {
    for (const frame of this.frames) {
      const viewer = frame.view?.viewer ?? frame.table?.view?.viewer ?? 'watcher';
      assert.deepEqual(leaks(game, viewer, frame), [], `${this.name} was sent ${JSON.stringify(frame).slice(0, 2000)}`);
    }
  }

  /** The page logged no error and asked nobody but the server. */
  hadNoFaults() {
    assert.deepEqual(this.faults, [], this.name);
  }

  /** The same, but for what a pattern allows: a socket that a node refused, say. */
  hadNoFaultsBut(pattern) {
    assert.deepEqual(this.faults.filter((fault) => !pattern.test(fault)), [], this.name);
  }

  // ---- accounts ----------------------------------------------------------------------------------------------------

  async signUp() {
    await this.press(this.page.getByRole('tab', { name: /sign up/i }).or(this.button(/^sign up$/i)).first());
    await this.#fillIn(/sign up|create/i);
  }

  async logIn() {
    await this.#fillIn(/log in/i);
  }

  async #fillIn(submit) {
    await this.page.getByLabel(/name/i).first().fill(this.name);
    await this.page.getByLabel(/password/i).first().fill(PASSWORD);
    await this.press(this.button(submit).last());
    await this.until(() => this.frames.some((frame) => frame.update === 'welcome'), 'the welcome');
  }

  close() {
    return this.context.close();
  }

  // ---- invites and tables ------------------------------------------------------------------------------------------

  /** Invites by the list of players; `options` are names of choices in the dialog, with their values. */
  async invite(name, options = {}) {
    await this.page.getByLabel('Search by name').fill(name);
    await this.press(this.exactly(`Invite ${name}`));
    const dialog = this.page.getByRole('dialog');
    for (const value of Object.values(options)) await this.press(dialog.getByRole('radio', { name: OPTIONS[value] }));
    await this.press(dialog.getByRole('button', { name: 'Send invite' }));
  }

  accept(name) {
    return this.press(this.exactly(`Accept ${name}`));
  }

  /** Waits until this person plays at a table and sees it; gives the table's id. */
  async seatedAt(wanted) {
    await this.until(() => {
      const table = this.table(wanted);
      return table && table.view.viewer !== 'watcher' && !this.closedNow(table.table);
    }, 'a seat');
    const id = wanted ?? this.table().table;
    await this.page.waitForURL(`/table/${id}`);
    await this.page.getByRole('button', { name: 'Table menu' }).waitFor();
    return id;
  }

  async watchFromLobby(name) {
    await this.press(this.page.getByRole('tab', { name: /tables/i }));
    await this.page.getByLabel('Search by name').fill(name);
    await this.press(this.page.getByRole('link', { name: new RegExp(`^Watch (${name} and |.* and ${name}$)`) }));
    await this.page.waitForURL('/watch/*');
    await this.until(() => this.table()?.view.viewer === 'watcher', 'the table to be shown');
  }

  /** The words at the end of a game name the winner. */
  async seesWinner(name) {
    const who = name === this.name ? 'You' : name;
    await this.page.getByRole('dialog', { name: new RegExp(`^${who} won: `) }).waitFor();
  }

  // ---- interruptions -----------------------------------------------------------------------------------------------

  async reload(table) {
    this.live = false;
    await this.page.reload();
    await this.isConnected();
    await this.seatedAt(table);
  }

  /** Waits until the socket is open and the page says so. */
  async isConnected() {
    await this.until(() => this.live, 'a connection');
    await this.page.locator('.net.good').waitFor();
  }

  /** Waits until a connection that was lost or moved is there again, whatever the table says of itself. */
  async isConnectedAnew() {
    await this.until(() => this.live, 'a connection');
    await this.page.getByText(/Changing server|Reconnecting|Connecting/).waitFor({ state: 'hidden' });
  }

  async isTakenOver() {
    await this.button('Play here').waitFor();
    await this.page.locator('.net', { hasText: 'Playing in another window' }).waitFor();
  }

  async takeBack() {
    await this.press(this.button('Play here'));
    await this.isConnected();
  }

  async save() {
    await this.press(this.button('Table menu'));
    await this.press(this.button('Save and leave'));
    await this.press(this.button('Save game'));
  }

  async toLobby() {
    await this.press(this.button('Back to the lobby'));
    await this.page.waitForURL('/');
    await this.isConnected();
  }

  /** Invites to go on with the saved game. */
  resume(name) {
    return this.press(this.exactly(`Resume with ${name}`));
  }

  // ---- replay ------------------------------------------------------------------------------------------------------

  /** From the end of a game to its replay. */
  async openReplay(table) {
    await this.press(this.page.getByRole('dialog').getByRole('link', { name: 'Replay' }));
    await this.page.waitForURL(`/game/${table}`);
  }

  /** Steps through the replay: it begins before the first move, and ends as the game did; the decks are proved to be the dealt ones. */
  async replaysTo({ winner }) {
    const { view, log, names } = this.table();
    await this.press(this.button('First move'));
    await this.page.getByText(`0 / ${log.length}`).waitFor();
    assert((await boardOf(this.page)).flags.every(({ theirs, ours }) => theirs.length + ours.length === 0), 'the line is empty before the first move');
    await this.press(this.button('One move on'));
    await this.page.getByText(`1 / ${log.length}`).waitFor();
    await this.press(this.button('Last move'));
    await this.page.getByText(`${log.length} / ${log.length}`).waitFor();
    const [near, far] = view.viewer === 'second' ? ['second', 'first'] : ['first', 'second'];
    const shown = (await boardOf(this.page)).flags.map(({ theirs, ours, environment }) => ({ theirs, ours, environment }));
    assert.deepEqual(shown, view.flags.map(({ cards, environment }) =>
      ({ theirs: cards[far], ours: cards[near], environment: [...environment.first, ...environment.second].sort() })));
    await this.page.getByRole('heading', { name: `${names[winner]} won: ` }).waitFor();
    await this.page.locator('.proved.right').waitFor();
  }
}
