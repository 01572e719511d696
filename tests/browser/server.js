// A server of our own: port 0, a temporary folder, ended with the test.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TARGET = process.env.CARGO_TARGET_DIR ?? new URL('../../target', import.meta.url).pathname;
/** The program, as built for tests. */
export const PROGRAM = process.env.NINEFLAGS ?? join(TARGET, 'debug', 'nineflags');

/** Limits far above what a test needs, since all of its browsers are on one machine and reload in no time. */
export const RAISED =
  'http_per_source_second=100000 guests_per_source_hour=100000 logins_per_source_minute=100000 websockets_opened_per_account_minute=100000 websockets_opened_per_source_minute=100000';

/** How long a server may take to be ready, and to end, in milliseconds. */
const PATIENCE_MS = 20_000;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A server that deals `decks` at every table, if they are given; `stop` it, or `restart` it at the same address with the same data. */
export class Server {
  folder = mkdtempSync(join(tmpdir(), 'nineflags-'));
  url = '';
  /** The file with the decks. @type {string | undefined} */
  decks;
  /** @type {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>} */
  child;
  /** What ended the program. @type {Promise<number | string>} */
  ended;
  said = '';

  static async start(decks) {
    const server = new Server();
    if (decks) {
      server.decks = join(server.folder, 'decks.json');
      writeFileSync(server.decks, JSON.stringify(decks));
    }
    await server.#run('127.0.0.1:0');
    return server;
  }

  async restart() {
    await this.#end();
    await this.#run(new URL(this.url).host);
  }

  /** Sends a signal to its private Redis: the only child it has. */
  signalRedis(name) {
    const { pid } = this.child;
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean));
    if (children.length !== 1) throw new Error(`not one child but ${children.length}`);
    process.kill(Number(children[0]), name);
  }

  async stop() {
    await this.#end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(listen) {
    const child = spawn(PROGRAM, ['serve', '--listen', listen, '--data', join(this.folder, 'data')], {
      env: { ...process.env, NINEFLAGS_TEST_DECKS: this.decks, REDIS_URL: undefined, NINEFLAGS_LIMITS: RAISED },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    this.child = child;
    this.ended = new Promise((done) => {
      child.on('exit', (code, signal) => {
        running.delete(child);
        done(signal ?? code ?? 0);
      });
    });
    child.stderr.on('data', (text) => (this.said = (this.said + text).slice(-4000)));
    const ready = new Promise((done, failed) => {
      let output = '';
      child.stdout.on('data', (text) => {
        output = (output + text).slice(-4000);
        const address = /(http:\/\/[\d.:]+\/)/.exec(output);
        if (address) done(address[1]);
      });
      child.on('error', (error) => failed(new Error(`${PROGRAM}: ${error.message}`)));
      this.ended.then((code) => failed(new Error(`the server ended with ${code} before it was ready:\n${this.said}${output}`)));
    });
    return within(ready, 'the server to be ready').then((url) => (this.url = url));
  }

  /** Ends the server as an operator would; it must end cleanly. */
  async #end() {
    this.child.kill('SIGTERM');
    const code = await within(this.ended, 'the server to end');
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.said}`);
  }
}

/** Gives up waiting after a while. */
export function within(promise, what) {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`waited ${PATIENCE_MS} ms for ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
