// What a browser test needs: a server, a Chromium and the people in it, gone when the test is.

import { launch, picture } from './chromium.js';
import { Person } from './person.js';
import { Server } from './server.js';

/** The rules the recorded games were played by, but for ties, which the official rules decide. */
const AS_RECORDED = { claims: 'turn_start', environment: 'removable' };

export class World {
  /** @type {import('node:test').TestContext} */
  t;
  /** @type {Person[]} */
  people = [];
  /** A server, or whatever serves like one. @type {any} */
  server;
  /** @type {import('playwright-core').Browser} */
  browser;

  /** @param {import('node:test').TestContext} t */
  constructor(t) {
    this.t = t;
  }

  /** Starts a server that deals `decks` (its own, if left out); all is ended after the test `t`. */
  static async start(t, decks) {
    const world = new World(t);
    t.after(() => world.#end());
    world.server = await Server.start(decks);
    world.browser = await launch();
    return world;
  }

  /** The same around a server, or a whole cluster, that runs already. */
  static async around(t, server) {
    const world = new World(t);
    t.after(() => world.#end());
    world.server = server;
    world.browser = await launch();
    return world;
  }

  /** A person with a browser context of his own; `device` is DESKTOP or PHONE. */
  async person(name, device) {
    const person = await Person.open(this.browser, this.server.url, name, device);
    this.people.push(person);
    return person;
  }

  /** One invites, the other accepts; gives the table and who sits where. */
  async game(one, other) {
    await one.invite(other.name, AS_RECORDED);
    await other.accept(one.name);
    const table = await one.seatedAt();
    await other.seatedAt(table);
    const oneIsFirst = one.table(table).view.viewer === 'first';
    return { table, players: oneIsFirst ? { first: one, second: other } : { first: other, second: one } };
  }

  /** One stage of a long test; what comes after a failed stage is not tried, and pictures show where everybody was. */
  async stage(name, run) {
    let failure;
    await this.t.test(name, () => run().catch((error) => {
      failure = error;
      throw error;
    }));
    if (!failure) return;
    for (const person of this.people) await picture(person.page, `failed-${person.name}`).catch(() => {});
    throw new Error(`stopped at: ${name}`, { cause: failure });
  }

  async #end() {
    await this.browser?.close();
    await this.server?.stop();
  }
}
