// socket.io in one process: a room for each seat and one for the watchers, tables in memory.

import http from 'node:http';
import { Server } from 'socket.io';
import { Game } from './game.js';
import { serving } from './serving.js';

/** @type {Map<string, Game>} */
const tables = new Map();
const server = http.createServer();
const io = new Server(server);

io.on('connection', (socket) => {
  let name = '';
  let seat = -1;

  socket.on('join', (request) => {
    if (name || typeof request?.table !== 'string') return socket.emit('refused', 'that cannot be asked');
    name = request.table;
    seat = request.seat === 0 || request.seat === 1 ? request.seat : -1;
    if (!tables.has(name)) tables.set(name, new Game());
    socket.join(`${name}:${seat}`);
    socket.emit('state', tables.get(name)?.view(seat));
  });

  socket.on('move', (request) => {
    const game = tables.get(name);
    if (!game || seat < 0) return socket.emit('refused', 'that cannot be asked');
    const refusal = game.place(seat, request?.card, request?.flag);
    if (refusal) return socket.emit('refused', refusal);
    for (const viewer of [0, 1, -1]) io.to(`${name}:${viewer}`).emit('state', game.view(viewer));
  });
});
server.listen(0, '127.0.0.1', () => serving(server));
