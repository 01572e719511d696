// Bare `ws`: texts of JSON, tables in memory. The floor speaks the same.

import http from 'node:http';
import { WebSocketServer } from 'ws';
import { Game } from './game.js';
import { serving } from './serving.js';

/** @typedef {{ game: Game, seats: (import('ws').WebSocket | null)[], watchers: Set<import('ws').WebSocket> }} Table */

/** @type {Map<string, Table>} */
const tables = new Map();
const state = (/** @type {Table} */ table, /** @type {number} */ seat) =>
  JSON.stringify({ update: 'state', ...table.game.view(seat) });

/** @param {Table} table */
function show(table) {
  table.seats.forEach((seat, number) => seat?.send(state(table, number)));
  if (table.watchers.size === 0) return;
  // Written once for all who read the same.
  const text = Buffer.from(state(table, -1));
  for (const watcher of table.watchers) watcher.send(text, { binary: false });
}

/** @param {import('ws').WebSocket} socket */
function serve(socket) {
  /** @type {Table | null} */
  let table = null;
  let name = '';
  let seat = -1;
  const refuse = (/** @type {string} */ words) => socket.send(JSON.stringify({ update: 'refused', words }));

  function join(request) {
    name = String(request.table);
    table = tables.get(name) ?? { game: new Game(), seats: [null, null], watchers: new Set() };
    tables.set(name, table);
    seat = request.seat === 0 || request.seat === 1 ? request.seat : -1;
    if (seat < 0) table.watchers.add(socket);
    else table.seats[seat] = socket;
    socket.send(state(table, seat));
  }

  function leave() {
    if (!table) return;
    table.watchers.delete(socket);
    table.seats = table.seats.map((other) => (other === socket ? null : other));
    if (table.watchers.size === 0 && table.seats.every((other) => other === null)) tables.delete(name);
  }

  socket.on('message', (text) => {
    const request = JSON.parse(String(text));
    if (request.ask === 'join' && !table) return join(request);
    if (request.ask !== 'move' || !table || seat < 0) return refuse('that cannot be asked');
    const refusal = table.game.place(seat, request.card, request.flag);
    if (refusal) return refuse(refusal);
    show(table);
  });
  socket.on('close', leave);
  socket.on('error', () => {});
}

const server = http.createServer((_, response) => response.end());
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', serve);
server.listen(0, '127.0.0.1', () => serving(server));
