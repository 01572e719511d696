// Two nodes behind the balancer that operators use, and a Redis for both: each a process, gone with the test.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { PROGRAM, RAISED, within } from './server.js';

const BALANCER = new URL('../../deploy/balancer.sh', import.meta.url).pathname;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A port that nobody listens on. */
const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    server.close(() => done(port));
  });
});

/** Waits until an address answers with 200. */
async function answers(url) {
  for (;;) {
    const ok = await fetch(url).then((response) => response.ok, () => false);
    if (ok) return;
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class Cluster {
  folder = mkdtempSync(join(tmpdir(), 'nineflags-cluster-'));
  /** Where people connect. */
  url = '';
  /** @type {{ url: string, child: import('node:child_process').ChildProcess, ended: Promise<unknown> }[]} */
  nodes = [];
  redis = '';
  decks = '';

  static async start(decks) {
    const cluster = new Cluster();
    const [redisPort, balancerPort, ...ports] = await Promise.all([1, 2, 3, 4].map(freePort));
    cluster.redis = `redis://127.0.0.1:${redisPort}`;
    cluster.decks = join(cluster.folder, 'decks.json');
    writeFileSync(cluster.decks, JSON.stringify(decks));
    cluster.#spawn('redis-server', ['--port', `${redisPort}`, '--bind', '127.0.0.1', '--save', '', '--dir', cluster.folder]);
    for (const port of ports) cluster.#node(port);
    await within(Promise.all(cluster.nodes.map(({ url }) => answers(`${url}readyz`))), 'the nodes to be ready');
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    cluster.#spawn(BALANCER, [`127.0.0.1:${balancerPort}`, ...addresses], { HAPROXY_DIR: cluster.folder });
    cluster.url = `http://127.0.0.1:${balancerPort}/`;
    await within(answers(`${cluster.url}readyz`), 'the balancer to pass requests on');
    return cluster;
  }

  #node(port) {
    const listen = `127.0.0.1:${port}`;
    const variables = { REDIS_URL: this.redis, NINEFLAGS_TEST_DECKS: this.decks, NINEFLAGS_DRAIN_SPREAD_MS: '600', NINEFLAGS_LIMITS: RAISED };
    const child = this.#spawn(PROGRAM, ['serve', '--listen', listen, '--data', this.folder], variables);
    const ended = new Promise((done) => child.on('exit', (code, signal) => done(signal ?? code)));
    this.nodes.push({ url: `http://${listen}/`, child, ended });
  }

  #spawn(program, words, variables = {}) {
    const child = spawn(program, words, { env: { ...process.env, ...variables }, stdio: 'ignore' });
    running.add(child);
    child.on('exit', () => running.delete(child));
    return child;
  }

  /** Ends a node as an operator would; it must end cleanly. */
  async drain(index) {
    this.nodes[index].child.kill('SIGTERM');
    const code = await within(this.nodes[index].ended, 'the node to end');
    if (code !== 0) throw new Error(`the node ended with ${code}`);
  }

  /** Kills a node as a power cut would. */
  async kill(index) {
    this.nodes[index].child.kill('SIGKILL');
    await this.nodes[index].ended;
  }

  /** Starts a node again where it was. */
  async startAgain(index) {
    const { url } = this.nodes[index];
    this.#node(new URL(url).port);
    this.nodes[index] = /** @type {any} */ (this.nodes.pop());
    await within(answers(`${url}readyz`), 'the node to be ready again');
  }

  async stop() {
    const ends = [...running].map((child) => new Promise((done) => child.on('exit', done)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ends);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
