// The little game of every peer: the shape of a table of Battle Line, and rules enough to refuse what is not allowed.
// Two hidden hands of seven, nine flags with up to three cards a side, sixty cards. A move puts a card of the hand on a flag and
// draws another. After 54 moves the flags are full and the cards are dealt anew, so that a table can be played for ever.

const FLAGS = 9;
const HAND = 7;
const CARDS = 60;
const A_SIDE = 3;

/** @returns {number[]} all cards, shuffled */
function shuffled() {
  const cards = Array.from({ length: CARDS }, (_, card) => card);
  for (let last = cards.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [cards[last], cards[other]] = [cards[other], cards[last]];
  }
  return cards;
}

export class Game {
  /** Moves made at this table, over all deals. */
  number = 0;
  /** The seat on turn: 0 or 1. */
  turn = 0;

  constructor() {
    this.#deal();
  }

  #deal() {
    this.deck = shuffled();
    this.hands = [this.deck.splice(0, HAND), this.deck.splice(0, HAND)];
    this.flags = Array.from({ length: FLAGS }, () => [[], []]);
    this.placed = 0;
  }

  /**
   * Puts a card of a seat's hand on a flag.
   * @param {number} seat @param {number} card its place in the hand @param {number} flag
   * @returns {string | null} why it is refused
   */
  place(seat, card, flag) {
    const hand = this.hands[seat];
    if (this.turn !== seat) return 'not your turn';
    if (!Number.isInteger(card) || card < 0 || card >= hand.length) return 'no such card';
    if (!Number.isInteger(flag) || flag < 0 || flag >= FLAGS) return 'no such flag';
    if (this.flags[flag][seat].length >= A_SIDE) return 'the flag is full';
    this.flags[flag][seat].push(hand[card]);
    const drawn = this.deck.pop();
    if (drawn === undefined) hand.splice(card, 1);
    else hand[card] = drawn;
    this.number += 1;
    this.turn = 1 - seat;
    this.placed += 1;
    if (this.placed === FLAGS * A_SIDE * 2) this.#deal();
    return null;
  }

  /** What a seat may see; a watcher, seat -1, sees no hand. @param {number} seat */
  view(seat) {
    return {
      number: this.number,
      turn: this.turn,
      seat,
      hand: this.hands[seat] ?? [],
      counts: this.hands.map((hand) => hand.length),
      deck: this.deck.length,
      flags: this.flags,
    };
  }
}
