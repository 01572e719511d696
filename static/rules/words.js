// The rules of the game as the page tells them: every word of the rules page, and the cards of its examples.

/** @typedef {{ title: string, text: string, cards: string[] }} FormationText */
/** @typedef {{ symbol: string, title: string, kind: string, text: string }} TacticText */

export const rules = {
  title: 'The rules',
  intro: 'Two sides face each other across nine flags. Build strong formations of three cards at the flags, and win by taking three flags side by side, or any five.',

  sections: [
    { id: 'cards', title: 'The cards', text: [
      'There are 60 troops: six colours with ranks from 1 to 10, each once. There are ten tactics cards, each once. The two decks have different backs, so everybody sees how many troops and how many tactics cards a hand holds.',
      'Both sides start with seven troops. Who begins is drawn by lot.',
    ] },
    { id: 'turn', title: 'Your turn', list: [
      'Play one card: a troop to your side of a flag that nobody has won yet, where three cards have room; or a tactics card.',
      'Draw one card, from the deck you choose, up to seven in hand. If both decks are empty the game goes on without drawing.',
      'Claim flags that you can prove to have won: before the play or after it, in any case before the draw. At some tables flags may only be claimed before the play.',
    ], text: [
      'You may play at most one tactics card more than the other side has played. If you cannot place a troop anywhere you may pass, or play a tactics card; if you can play nothing at all you have to pass.',
    ] },
    { id: 'formations', title: 'Formations', text: [
      'Three cards on one side of a flag are a formation. From strongest to weakest:',
    ], after: [
      'Of two formations of the same kind the one with the higher sum wins. If the sums are equal too, whoever laid the last card at this flag loses it. 10 and 1 are not neighbours.',
    ] },
    { id: 'claims', title: 'Claiming a flag', text: [
      'When your side of a flag is complete you may claim it. If the other side is complete as well, yours must be better, or equal with the other side having laid the last card.',
      'If the other side is not complete yet, you need a proof: no way to fill it with troops that lie face up nowhere may give something better than yours. A way that would only be equal does not hurt you, for the other side would lay the last card.',
      'Only what everybody can see counts. Every troop in any hand, also in your own, and every troop in the deck might still come; tactics cards that are not on the flag do not count. The server checks the proof. If it fails you are shown a formation that would beat yours, and nothing else happens: a claim costs nothing.',
      'A flag that is won stays won. Its cards stay where they are and count as seen. You need not claim at once: nothing is ever claimed for you.',
    ] },
    { id: 'end', title: 'The end', list: [
      'Breakthrough: three flags side by side.',
      'Envelopment: any five flags.',
      'Resignation, or being away so long that the other side claims the win.',
      'Stand-off: both sides pass one after the other. Flags that nobody has won then go to the side that is complete, or better; after that, a breakthrough or envelopment decides, then the number of flags. Equal is a draw.',
    ] },
    { id: 'tactics', title: 'The ten tactics cards', text: [
      'Tactics cards only touch flags that nobody has won yet. Morale cards are laid like troops; Fog and Mud lie at the flag itself; the guile cards do something once and are laid aside.',
    ] },
    { id: 'options', title: 'What can be agreed', list: [
      'With tactics cards, or troops only.',
      'Claims at any time before the draw, or only before the play, so that a finished formation always leaves the other side one reply.',
      'Whether Deserter and Redeploy may take Fog and Mud away. If Mud is taken from four cards, the best three count.',
      'Whether the table shows both sides which claims would be granted.',
    ] },
  ],

  /** @type {FormationText[]} */
  formations: [
    { title: 'Wedge', text: 'One colour, ranks in a row.', cards: ['g8', 'g9', 'g10'] },
    { title: 'Phalanx', text: 'One rank.', cards: ['r8', 'b8', 'y8'] },
    { title: 'Battalion', text: 'One colour.', cards: ['p2', 'p6', 'p10'] },
    { title: 'Skirmish', text: 'Ranks in a row, of any colour.', cards: ['o4', 'b5', 'r6'] },
    { title: 'Host', text: 'Anything else.', cards: ['y3', 'g5', 'b9'] },
  ],

  /** @type {TacticText[]} */
  tactics: [
    { symbol: 'helm', title: 'Alexander', kind: 'Morale', text: 'A leader: counts as a troop of any colour and rank, chosen when the flag is decided. Each side may play only one leader in a game.' },
    { symbol: 'helm', title: 'Darius', kind: 'Morale', text: 'The other leader, exactly like Alexander.' },
    { symbol: 'wild', title: 'Companion Cavalry', kind: 'Morale', text: 'A troop of any colour with rank 8.' },
    { symbol: 'wild', title: 'Shield Bearers', kind: 'Morale', text: 'A troop of any colour with rank 1, 2 or 3.' },
    { symbol: 'fog', title: 'Fog', kind: 'Environment', text: 'At this flag formations do not count, only sums.' },
    { symbol: 'mud', title: 'Mud', kind: 'Environment', text: 'At this flag formations have four cards.' },
    { symbol: 'scout', title: 'Scout', kind: 'Guile', text: 'Draw three cards, one after the other from either deck, then put two cards of your hand back on their decks. There is no other draw.' },
    { symbol: 'redeploy', title: 'Redeploy', kind: 'Guile', text: 'Move one of your own cards to another flag with room, or discard it.' },
    { symbol: 'deserter', title: 'Deserter', kind: 'Guile', text: 'Discard one card on the other side of a flag.' },
    { symbol: 'traitor', title: 'Traitor', kind: 'Guile', text: 'Take one troop from the other side of a flag and lay it on your own side, at the same flag or another.' },
  ],

  colours: /** @type {Record<string, { name: string, css: string, symbol: string }>} */ ({
    r: { name: 'Red', css: 'red', symbol: 'spear' },
    o: { name: 'Orange', css: 'orange', symbol: 'ring' },
    y: { name: 'Yellow', css: 'yellow', symbol: 'diamond' },
    g: { name: 'Green', css: 'green', symbol: 'clover' },
    b: { name: 'Blue', css: 'blue', symbol: 'moon' },
    p: { name: 'Purple', css: 'purple', symbol: 'star' },
  }),
};
