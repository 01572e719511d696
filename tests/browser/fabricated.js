// A table that no server deals: any number of complete flags, any step of any turn, names of any length; drawn in a real page by
// the client's own code, so that what it looks like can be measured.

/* global document */

import { readFileSync } from 'node:fs';

const read = (name) => JSON.parse(readFileSync(new URL(`../wire/${name}`, import.meta.url), 'utf8'));
const TABLES = read('tables.json');
const { welcome } = read('updates.json');
const EMPTY = { first: [], second: [] };

/** The sizes that everything has to fit: from the smallest phone, upright and sideways, and a window at 200 %, to a desktop. */
export const SIZES = [[320, 568], [360, 640], [390, 844], [640, 320], [640, 400], [844, 390], [768, 1024], [1024, 768], [1280, 800], [1920, 1080]];

/**
 * A table at which the first seat plays: `complete` flags of its own are full and not won.
 * @param {{ complete?: number, hints?: boolean, choices?: object, phase?: string, hand?: string[], names?: { first: string, second: string }, log?: any[] }} [wanted]
 */
export function tableWith({ complete = 0, hints = true, choices = {}, phase = 'play', hand, names, log } = {}) {
  const table = structuredClone(TABLES['1 the start, for the seat on turn']);
  const cards = ['r', 'o', 'y', 'g', 'b', 'p'].flatMap((colour) => [8, 9, 10].map((rank) => `${colour}${rank}`));
  table.view.flags = Array.from({ length: 9 }, (_, index) => ({
    cards: { first: index < complete ? [0, 1, 2].map((place) => cards[(index * 3 + place) % cards.length]) : index === 8 ? ['y1', 'y2'] : [], second: index % 2 ? ['b4', 'b5'] : ['p6', 'p7', 'p8'] },
    environment: structuredClone(EMPTY), slots: 3, owner: null, formation: { first: index < complete ? { kind: 'battalion', sum: 27 } : null, second: null }, last_placer: 'first',
  }));
  const held = hand ?? ['r10', 'o10', 'Tr', 'De', 'Re', 'Sc', 'y10'];
  table.view.hands.first = { cards: held, troops: 4, tactics: 3 };
  table.view.phase = phase;
  table.view.choices = {
    place: Object.fromEntries(held.filter((code) => /\d/.test(code)).map((code) => [code, [7, 8]])), scout: true, deserter: ['b4'], traitor: { b4: [7, 8] }, redeploy: { y1: [7] },
    draw: ['t', 'x'], claim: Array.from({ length: complete }, (_, index) => index), ...(hints ? { provable: Array.from({ length: complete }, (_, index) => index) } : {}), ...choices,
  };
  Object.assign(table, { names: names ?? table.names, saved: table.tip.number, log: log ?? table.log, options: { ...table.options, claim_hints: hints } });
  return table;
}

/** Draws a table in a page, with what has been chosen in `turn` and other parts of `ui`; later calls change what stands there. */
export async function drawTable(page, table, ui = {}, more = {}) {
  await page.evaluate(async ({ table, welcome, ui, more }) => {
    const script = /** @type {HTMLScriptElement} */ (document.querySelector('script[type="module"]'));
    const load = (path) => import(new URL(path, script.src).href);
    const [{ patch }, { page: whole }, { fold, initial }, screen, replay] = await Promise.all(
      ['render.js', 'shell.js', 'state.js', 'screens/table.js', 'screens/replay.js'].map(load));
    const world = globalThis.fabricated ??= { asked: [], root: null };
    if (!world.root) {
      // The page's own drawing goes on beside it, out of the way.
      document.getElementById('app')?.remove();
      world.root = document.body.insertBefore(document.createElement('div'), document.body.firstChild);
      world.root.id = 'shown';
    }
    const name = more.route ?? 'table';
    let state = fold({ ...initial(), route: { name, id: table.table } }, { kind: 'update', update: { ...welcome, you: { name: table.names.first, guest: false }, table: name === 'table' ? table : null, ...more.welcome } });
    state = fold(state, { kind: 'update', update: { update: 'table', ...table } });
    state = { ...state, connection: { word: 'connected', sinceMs: 0, retryAtMs: null }, ui: { nowMs: welcome.now_ms, ...ui }, ...more.state };
    if (ui.turn) state.ui.turn = { target: null, to: null, back: [], ...ui.turn, table: table.table, hash: table.tip.hash, sent: false };
    const shown = name === 'game' ? replay : screen;
    const act = {
      ask: async (ask) => {
        world.asked.push(ask);
        return { update: 'done', id: '' };
      },
      ui: (part, value) => {
        state = fold(state, { kind: 'ui', part, value: typeof value === 'function' ? value(state.ui[part]) : value });
        draw();
      },
      go: () => {}, redirect: () => {}, notice: (words) => {
        state = fold(state, { kind: 'notice', words });
        draw();
      },
      noticed: (key) => {
        state = fold(state, { kind: 'noticed', key });
        draw();
      },
      get: async () => ({ ok: false, status: 0, data: {} }), post: async () => ({ ok: false, status: 0, data: {} }), login: () => {}, takeBack: () => world.asked.push({ ask: 'take back' }),
    };
    const draw = () => patch(world.root, whole(state, act, shown, { dialog: null }));
    world.hear = (update) => {
      state = fold(state, { kind: 'update', update });
      draw();
    };
    world.state = () => state;
    shown.leave?.(state, { ...act, ui: () => {} });
    shown.enter?.(state, act);
    draw();
  }, { table, welcome, ui, more });
}

/** What was asked of the server since the last call. */
export const asked = (page) => page.evaluate(() => globalThis.fabricated.asked.splice(0));
