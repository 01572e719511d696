// What the first visit costs, and that nothing on the page comes from elsewhere.

import assert from 'node:assert/strict';
import test from 'node:test';

import { DESKTOP } from './chromium.js';
import { World } from './world.js';

/** Of the design: HTML, style, script and symbols, as they come over the wire. */
const MOST_REQUESTS = 12;
const MOST_BYTES = 60_000;

/** Counts what a page loads while `visit` runs, as the network saw it. */
async function cost(person, visit) {
  const network = await person.context.newCDPSession(person.page);
  await network.send('Network.enable');
  const seen = { requests: 0, bytes: 0 };
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    seen.requests += 1;
    seen.bytes += encodedDataLength;
  });
  await visit();
  await person.page.waitForLoadState('networkidle');
  await network.detach();
  return seen;
}

/** What an address costs a browser that has nothing of it yet. */
async function costWhenNew(person, url) {
  await person.page.goto('about:blank');
  const network = await person.context.newCDPSession(person.page);
  await network.send('Network.enable');
  await network.send('Network.clearBrowserCache');
  await network.detach();
  return cost(person, () => person.page.goto(url));
}

function isLight({ requests, bytes }) {
  assert(requests <= MOST_REQUESTS, `${requests} requests`);
  assert(bytes <= MOST_BYTES, `${bytes} bytes`);
}

test('the first visit is light, the second almost free', async (t) => {
  const world = await World.start(t);
  const { url } = world.server;
  const person = await world.person('Ann', DESKTOP);
  const first = await costWhenNew(person, url);
  const again = await cost(person, () => person.page.reload());
  t.diagnostic(`first load: ${first.requests} requests, ${first.bytes} bytes; second: ${again.bytes} bytes`);
  isLight(first);
  await person.signUp();
  await person.page.locator('.people').waitFor();
  const lobby = await costWhenNew(person, url);
  t.diagnostic(`lobby: ${lobby.requests} requests, ${lobby.bytes} bytes`);
  isLight(lobby);
  const other = await world.person('Ben', DESKTOP);
  await other.signUp();
  const { table } = await world.game(person, other);
  const atTable = await costWhenNew(person, `${url}table/${table}`);
  t.diagnostic(`table: ${atTable.requests} requests, ${atTable.bytes} bytes`);
  isLight(atTable);
  person.hadNoFaults();

  const { headers } = await fetch(url);
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
});
