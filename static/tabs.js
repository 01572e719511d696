// Tabs of one browser share one session: one of them leads and has the connection; the others follow, show what it is told
// and ask through it. Loaded when there is another tab.

import { isSameAccount } from './state.js';

/** @import { Answer, Ask, Shared, StateEvent } from './page.js' */
/** @import { You } from './protocol.js' */

/** How long a leader may take to answer; one that does not is asleep or gone. */
const ANSWER_MS = 1_000;
/** After a leader's goodbye nobody leads for so long, in case it is only loaded anew. */
const GOODBYE_MS = 1_500;
/** How often a follower that is seen looks whether its leader is there. */
const LOOK_MS = 5_000;

/**
 * What tabs say to each other, over one channel.
 * @typedef {{ kind: 'hello' } | { kind: 'here', to: string }
 *   | { kind: 'lead', stamp: number, playing: boolean, shared: Shared, to?: string }
 *   | { kind: 'event', event: StateEvent } | { kind: 'bye', watched: string | null }
 *   | { kind: 'ask', to: string, nr: number, you: You | null, ask: Ask } | { kind: 'heard', to: string, nr: number }
 *   | { kind: 'answer', to: string, nr: number, answer: Answer }} Said
 * @typedef {Said & { from: string }} Word
 *
 * What a tab is asked and told: whether it shows the own table, what it knows, that it follows or stops leading, that
 * nobody leads, and what happened to the leader.
 * @typedef {{ playing: () => boolean, seen: () => boolean, you: () => You | null, shared: () => Shared, ask: (ask: Ask) => Promise<Answer>,
 *   follow: (shared: Shared, playing: boolean) => void, stop: () => void, alone: () => void, event: (event: StateEvent) => void,
 *   unwatch: (table: string) => void }} Told
 * @typedef {{ post: (word: Word) => void, now: () => number, after: (ms: number, run: () => void) => any, cancel: (timer: any) => void }} World
 */

export class Tabs {
  /** The stamp of this tab's lead; of two leads the later one counts. @type {number | null} */
  #stamp = null;
  /** @type {{ id: string, stamp: number } | null} */
  #leader = null;
  /** Asked through the leader. @type {Map<number, { ask: Ask, settle: (answer: Answer) => void, timer: any }>} */
  #asked = new Map();
  #count = 0;
  /** @type {any} */
  #timer = null;

  /** @param {string} id @param {Told} told @param {World} world */
  constructor(id, told, world) {
    this.id = id;
    this.told = told;
    this.world = world;
  }

  get follows() {
    return this.#leader !== null;
  }

  /** Leads from now on: others stop. */
  lead() {
    this.#stamp = Math.max(this.world.now(), (this.#leader?.stamp ?? 0) + 1);
    this.#leader = null;
    this.world.cancel(this.#timer);
    this.#refuseAll();
    this.#present();
  }

  /** Leads no more, without anybody else. */
  rest() {
    this.#stamp = null;
  }

  /** Tells the followers what happened. @param {StateEvent} event */
  relay(event) {
    if (this.#stamp !== null) this.#say({ kind: 'event', event });
  }

  /** The page goes away. @param {string | null} watched the table it watches */
  leave(watched) {
    if (this.#stamp !== null || this.#leader) this.#say({ kind: 'bye', watched });
    this.#stamp = null;
  }

  /** Looks whether anybody leads; if not, this tab is told so. */
  look() {
    if (this.#stamp !== null) return;
    this.#in(ANSWER_MS, () => this.#lost());
    this.#say({ kind: 'hello' });
  }

  /** Asks through the leader. @param {Ask} ask @returns {Promise<Answer>} */
  ask(ask) {
    const nr = (this.#count += 1);
    return new Promise((settle) => {
      // A leader that does not hear it at once is asleep or gone.
      const timer = this.world.after(ANSWER_MS, () => this.#unheard(nr));
      this.#asked.set(nr, { ask, settle, timer });
      this.#say({ kind: 'ask', to: this.#leader?.id ?? '', nr, you: this.told.you(), ask });
    });
  }

  /** @param {Word} word */
  hear(word) {
    if ('to' in word && word.to && word.to !== this.id) return;
    switch (word.kind) {
      case 'hello':
        if (this.#stamp !== null) this.#present(word.from);
        break;
      case 'lead':
        this.#met(word);
        break;
      case 'event':
        if (word.from === this.#leader?.id) this.told.event(word.event);
        break;
      case 'ask':
        this.#serve(word);
        break;
      case 'heard':
        this.world.cancel(this.#asked.get(word.nr)?.timer);
        break;
      case 'answer':
        this.#settle(word.nr, word.answer);
        break;
      case 'bye':
        this.#left(word);
        break;
      default:
    }
  }

  /** @param {string} [to] */
  #present(to) {
    this.#say({ kind: 'lead', to, stamp: this.#stamp ?? 0, playing: this.told.playing(), shared: this.told.shared() });
  }

  /** @param {Extract<Word, { kind: 'lead' }>} word */
  #met({ from, stamp, playing, shared }) {
    if (this.#stamp !== null) {
      const mineCounts = this.#stamp > stamp || (this.#stamp === stamp && this.id > from);
      if (mineCounts) return this.#present(from);
      this.#stamp = null;
      this.told.stop();
    }
    if (this.#leader && this.#leader.id !== from) this.#refuseAll();
    this.#leader = { id: from, stamp };
    this.#in(LOOK_MS, () => this.#check());
    this.told.follow(shared, playing);
  }

  #check() {
    if (!this.#leader) return;
    if (this.told.seen()) this.look();
    else this.#in(LOOK_MS, () => this.#check());
  }

  /** @param {Extract<Word, { kind: 'ask' }>} word */
  async #serve({ from, nr, you, ask }) {
    if (this.#stamp === null) return;
    this.#say({ kind: 'heard', to: from, nr });
    const answer = isSameAccount(you, this.told.you()) ? await this.told.ask(ask) : refused('another_account');
    this.#say({ kind: 'answer', to: from, nr, answer });
  }

  /** @param {number} nr */
  #unheard(nr) {
    this.#settle(nr, refused('unreachable'));
    this.#lost();
  }

  /** @param {number} nr @param {Answer} answer */
  #settle(nr, answer) {
    const asked = this.#asked.get(nr);
    this.world.cancel(asked?.timer);
    this.#asked.delete(nr);
    asked?.settle(answer);
  }

  #refuseAll() {
    for (const nr of [...this.#asked.keys()]) this.#settle(nr, refused('not_live'));
  }

  /** @param {Extract<Word, { kind: 'bye' }>} word */
  #left({ from, watched }) {
    if (this.#stamp !== null && watched) this.told.unwatch(watched);
    if (from === this.#leader?.id) this.#in(GOODBYE_MS * (this.told.seen() ? 1 : 2), () => this.look());
  }

  #lost() {
    this.#leader = null;
    this.#refuseAll();
    this.told.alone();
  }

  /** @param {number} ms @param {() => void} run */
  #in(ms, run) {
    this.world.cancel(this.#timer);
    this.#timer = this.world.after(ms, run);
  }

  /** @param {Said} said */
  #say(said) {
    this.world.post({ ...said, from: this.id });
  }
}

/** @param {import('./page.js').Refused['code']} code @returns {Answer} */
const refused = (code) => ({ update: 'refused', id: '', code, words: '' });
