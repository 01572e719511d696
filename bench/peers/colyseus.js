// Colyseus with its own websockets, tuned for turns: no tick of 50 ms, a patch after each move. The state is a schema: all see the
// flags, and each hand is in the view of its owner.

import { Room, Server } from '@colyseus/core';
import { StateView, schema, t } from '@colyseus/schema';
import { WebSocketTransport } from '@colyseus/ws-transport';
import { Game } from './game.js';
import { serving } from './serving.js';

const Seat = schema({ hand: t.array('uint8').view(), count: t.uint8() }, 'Seat');
const Flag = schema({ first: t.array('uint8'), second: t.array('uint8') }, 'Flag');
const Table = schema(
  // The number comes first: whoever measures reads it at a fixed place of each patch.
  { number: t.uint32(), turn: t.uint8(), deck: t.uint8(), seats: t.array(Seat), flags: t.array(Flag) },
  'Table',
);
/** Nothing is sent by the clock: each move says itself that there is a patch. */
const PATCH_MS = 1_000;

class TableRoom extends Room {
  onCreate() {
    this.patchRate = PATCH_MS;
    this.game = new Game();
    this.state = new Table();
    for (const _ of this.game.hands) this.state.seats.push(new Seat());
    for (const _ of this.game.flags) this.state.flags.push(new Flag());
    this.#copyAll();
    this.onMessage('move', (client, request) => this.#move(client, request));
  }

  #move(client, { card, flag }) {
    const { seat } = client.userData;
    const refusal = seat < 0 ? 'that cannot be asked' : this.game.place(seat, card, flag);
    if (refusal) return client.send('refused', refusal);
    if (this.game.placed === 0) this.#copyAll();
    else this.#copyMove(seat, card, flag);
    this.broadcastPatch();
  }

  #copyHead() {
    const { number, turn, deck } = this.game;
    Object.assign(this.state, { number, turn, deck: deck.length });
  }

  /** The whole game, as after a new deal. */
  #copyAll() {
    const { hands, flags } = this.game;
    this.#copyHead();
    hands.forEach((hand, seat) => {
      this.state.seats[seat].hand.clear();
      this.state.seats[seat].hand.push(...hand);
      this.state.seats[seat].count = hand.length;
    });
    flags.forEach((sides, number) => {
      const flag = this.state.flags[number];
      [flag.first, flag.second].forEach((side, seat) => {
        side.clear();
        if (sides[seat].length > 0) side.push(...sides[seat]);
      });
    });
  }

  /** What one move changed. */
  #copyMove(seat, card, flag) {
    const cards = this.game.flags[flag][seat];
    const hand = this.game.hands[seat];
    const shown = this.state.seats[seat];
    this.#copyHead();
    (seat === 0 ? this.state.flags[flag].first : this.state.flags[flag].second).push(cards[cards.length - 1]);
    if (hand.length === shown.hand.length) shown.hand[card] = hand[card];
    else shown.hand.splice(card, 1);
    shown.count = hand.length;
  }

  onJoin(client, options) {
    const seat = options?.seat === 0 || options?.seat === 1 ? options.seat : -1;
    client.userData = { seat };
    if (seat < 0) return;
    client.view = new StateView();
    client.view.add(this.state.seats[seat]);
    // What changes before the first patch of a new view would be in it twice.
    this.broadcastPatch();
  }
}

// Its own way of ending would take the signal that collects garbage.
const server = new Server({ transport: new WebSocketTransport(), greet: false, gracefullyShutdown: false });
server.define('table', TableRoom);
await server.listen(0, '127.0.0.1');
serving(server.transport.server);
