// One own turn: every way through it, and the way back from every step.

import assert from 'node:assert/strict';
import test from 'node:test';

import * as turn from '../../../static/table/turn.js';

const { NOTHING } = turn;

const flag = (first = [], second = [], more = {}) => ({
  cards: { first, second }, environment: { first: [], second: [] }, slots: 3, owner: null,
  formation: { first: null, second: null }, last_placer: null, ...more,
});

/** The first seat's view of a line with some cards, in a phase with choices; of the rest only what a turn looks at. @returns {any} */
function view(choices, phase = 'play', hand = ['r10', 'r7', 'Sc', 'De', 'Tr', 'Re', 'Mu']) {
  const flags = Array.from({ length: 9 }, () => flag());
  flags[0] = flag(['g7', 'g8'], ['p10']);
  flags[3] = flag(['b1'], ['y9', 'y8'], { environment: { first: ['Fo'], second: [] } });
  return {
    viewer: 'first', turn: 'first', phase, ending: null, flags, choices,
    hands: { first: { cards: hand, troops: 2, tactics: 5 }, second: { cards: null, troops: 7, tactics: 0 } },
  };
}

const CHOICES = {
  place: { r10: [0, 3], r7: [0, 3], Mu: [3] }, scout: true, deserter: ['p10', 'y9', 'y8'], traitor: { p10: [0, 3], y9: [0] },
  redeploy: { g7: [3], b1: [], Fo: [5] }, draw_after_play: ['t', 'x'],
};

/** Goes through choices one by one, checks the step after each, then that undo leads back through all of them. */
function walk(seen, ...choices) {
  let state = NOTHING;
  const states = [state];
  for (const [choose, what, step] of choices) {
    state = turn[choose](seen, state, what);
    states.push(state);
    assert.equal(turn.step(seen, state), step, `${choose} ${what}`);
  }
  for (let i = states.length - 1; i > 0; i -= 1) {
    assert.deepEqual(turn.undo(seen, states[i]), states[i - 1], `undo of ${choices[i - 1].join(' ')}`);
  }
  assert.deepEqual(turn.undo(seen, NOTHING), NOTHING);
  return state;
}

test('a troop is chosen, staged, and sent with the draw', () => {
  const seen = view(CHOICES);
  assert.equal(turn.step(seen, NOTHING), 'card');
  const done = walk(seen, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 3, 'staged']);
  assert.deepEqual(turn.drawMoves(seen, done, 't'), ['r10@3', 'draw t']);
  assert.deepEqual(turn.line(seen, done)[3].cards.first, ['b1', 'r10']);
  assert.deepEqual(seen.flags[3].cards.first, ['b1'], 'the view itself stays');
  assert.deepEqual(turn.decks(seen, done), ['t', 'x']);
  assert.deepEqual(turn.decks(seen, NOTHING), [], 'no draw before the play');
});

test('what is not offered cannot be chosen', () => {
  const seen = view(CHOICES);
  const chosen = turn.chooseCard(seen, NOTHING, 'r10');
  assert.equal(turn.chooseCard(seen, NOTHING, 'b9'), NOTHING);
  assert.equal(turn.chooseFlag(seen, chosen, 1), chosen);
  assert.equal(turn.chooseFlag(seen, NOTHING, 0), NOTHING);
  const deserter = turn.chooseCard(seen, NOTHING, 'De');
  assert.equal(turn.chooseTarget(seen, deserter, 'g7'), deserter);
  assert.equal(turn.chooseDiscard(seen, deserter), deserter);
});

test('the same card again lets go of it, another one takes its place', () => {
  const seen = view(CHOICES);
  const chosen = turn.chooseCard(seen, NOTHING, 'r10');
  assert.deepEqual(turn.chooseCard(seen, chosen, 'r10'), NOTHING);
  assert.deepEqual(turn.chooseCard(seen, turn.chooseFlag(seen, chosen, 0), 'r7'), { ...NOTHING, card: 'r7' });
});

test('a staged card may still go to another flag', () => {
  const seen = view(CHOICES);
  const staged = walk(seen, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 3, 'staged']);
  assert.equal(turn.playText(turn.chooseFlag(seen, staged, 0)), 'r10@0');
});

test('Mud makes room for four', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'Mu', 'flag'], ['chooseFlag', 3, 'staged']);
  assert.equal(turn.line(seen, done)[3].slots, 4);
  assert.deepEqual(turn.line(seen, done)[3].environment.first, ['Fo', 'Mu']);
  assert.deepEqual(turn.drawMoves(seen, done, 'x'), ['Mu@3', 'draw x']);
});

test('Deserter: card, then draw', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'De', 'target'], ['chooseTarget', 'y9', 'staged']);
  assert.deepEqual(turn.drawMoves(seen, done, 't'), ['De y9', 'draw t']);
  assert.deepEqual(turn.line(seen, done)[3].cards.second, ['y8']);
  assert.equal(turn.playText(turn.chooseTarget(seen, done, 'p10')), 'De p10', 'another card may be picked');
});

test('Traitor: card, flag, then draw', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'Tr', 'target'], ['chooseTarget', 'p10', 'flag'], ['chooseFlag', 0, 'staged']);
  assert.deepEqual(turn.drawMoves(seen, done, 't'), ['Tr p10@0', 'draw t']);
  assert.deepEqual(turn.line(seen, done)[0].cards, { first: ['g7', 'g8', 'p10'], second: [] });
  assert.deepEqual(turn.flags(seen, turn.chooseTarget(seen, done, 'y9')), [0]);
});

test('Redeploy: card, then a flag or the discard', () => {
  const seen = view(CHOICES);
  const moved = walk(seen, ['chooseCard', 'Re', 'target'], ['chooseTarget', 'g7', 'flag'], ['chooseFlag', 3, 'staged']);
  assert.deepEqual(turn.drawMoves(seen, moved, 'x'), ['Re g7@3', 'draw x']);
  assert.deepEqual(turn.line(seen, moved).map(({ cards }) => cards.first).slice(0, 4), [['g8'], [], [], ['b1', 'g7']]);
  const gone = walk(seen, ['chooseCard', 'Re', 'target'], ['chooseTarget', 'b1', 'flag'], ['chooseDiscard', undefined, 'staged']);
  assert.deepEqual(turn.drawMoves(seen, gone, 't'), ['Re b1@x', 'draw t']);
  assert.deepEqual(turn.line(seen, gone)[3].cards.first, []);
});

test('Redeploy takes Fog along where the table allows it', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'Re', 'target'], ['chooseTarget', 'Fo', 'flag'], ['chooseFlag', 5, 'staged']);
  const line = turn.line(seen, done);
  assert.deepEqual([line[3].environment.first, line[5].environment.first], [[], ['Fo']]);
});

test('Scout: the first draw sends it, the others follow one by one', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'Sc', 'staged']);
  assert.deepEqual(turn.drawMoves(seen, done, 'x'), ['Sc', 'draw x']);
  assert.equal(turn.line(seen, done), seen.flags);
  const next = view({ draw: ['t'] }, 'scout_draw');
  assert.equal(turn.step(next, NOTHING), 'scout_draw');
  assert.deepEqual(turn.decks(next, NOTHING), ['t']);
  assert.deepEqual(turn.drawMoves(next, NOTHING, 't'), ['draw t']);
  assert.deepEqual(turn.cards(next, NOTHING), [], 'no card can be played meanwhile');
});

test('Scout puts cards back in the order chosen, the last one on top', () => {
  const seen = view({ give_back: 2 }, 'scout_return', ['r10', 'r7', 'Mu']);
  const done = walk(seen, ['chooseCard', 'r7', 'return'], ['chooseCard', 'Mu', 'confirm']);
  assert.deepEqual(turn.returnMoves(done), ['return r7 Mu']);
  assert.deepEqual(turn.chooseCard(seen, done, 'r10'), done, 'no third card');
  assert.deepEqual(turn.chooseCard(seen, done, 'r7').back, ['Mu']);
  const one = view({ give_back: 1 }, 'scout_return', ['r10', 'r7']);
  assert.deepEqual(turn.returnMoves(walk(one, ['chooseCard', 'r10', 'confirm'])), ['return r10']);
});

test('without a deck to draw from the turn is ended', () => {
  const any = view({ ...CHOICES, draw_after_play: [], end_after_play: true });
  const done = walk(any, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 0, 'staged']);
  assert(turn.mayEnd(any, done));
  assert(!turn.mayEnd(any, NOTHING));
  assert.deepEqual(turn.endMoves(any, done), ['r10@0', 'end']);
  const start = view({ ...CHOICES, draw_after_play: [] });
  assert.deepEqual(turn.endMoves(start, done), ['r10@0'], 'claims at the start: the play ends the turn');
  const end = view({ end: true }, 'end');
  assert(turn.mayEnd(end, NOTHING));
  assert.deepEqual(turn.endMoves(end, NOTHING), ['end']);
});

test('a node of version 0.3.0 lists the decks for after a play as those for now', () => {
  const seen = view({ ...CHOICES, draw_after_play: undefined, draw: ['x'] });
  const done = walk(seen, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 0, 'staged']);
  assert.deepEqual(turn.decks(seen, done), ['x']);
  assert.deepEqual(turn.decks(seen, NOTHING), []);
});

test('cards drawn unsaved are backs in the own hand', () => {
  const seen = view({}, 'play', ['r10', 'Mu', 'b2']);
  seen.hands.first = { cards: ['r10', 'Mu', 'b2'], troops: 4, tactics: 2 };
  assert.deepEqual(turn.unseen(seen), ['t', 't', 'x']);
  seen.hands.first.cards = null;
  assert.deepEqual(turn.unseen(seen), [], 'a closed hand has backs of its own');
});

/** The options that matter here. @returns {any} */
const options = (claim_timing, claim_hints = false) => ({ rules: { claim_timing }, claim_hints });

test('claims before the play are sent at once', () => {
  const seen = view({ ...CHOICES, claim: [4, 6] });
  assert.deepEqual(turn.claims(seen, NOTHING, options('turn_start')), [4, 6]);
  assert.deepEqual(turn.claimMoves(seen, NOTHING, 4), ['claim 4']);
  const chosen = turn.chooseCard(seen, NOTHING, 'r10');
  assert.deepEqual(turn.claimMoves(seen, chosen, 4), ['claim 4'], 'a card that is only chosen is not played');
});

test('a flag the staged card completes may be claimed with it, where claims may follow the play', () => {
  const seen = view(CHOICES);
  const done = walk(seen, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 0, 'staged']);
  assert.deepEqual(turn.claims(seen, done, options('any')), [0]);
  assert.deepEqual(turn.claimMoves(seen, done, 0), ['r10@0', 'claim 0']);
  assert.deepEqual(turn.claims(seen, done, options('turn_start')), []);
  assert.deepEqual(turn.claims(view({ claim: [2], draw: ['t'] }, 'draw'), NOTHING, options('any')), [2]);
});

test('with claim hints only what would be granted is offered, and may still be tried on the line', () => {
  const seen = view({ ...CHOICES, claim: [4, 6], provable: [6] });
  assert.deepEqual(turn.offered(seen, NOTHING, options('any', true)), [6]);
  assert.deepEqual(turn.claims(seen, NOTHING, options('any', true)), [4, 6]);
  assert.deepEqual(turn.offered(view({ ...CHOICES, claim: [4, 6] }), NOTHING, options('any')), [4, 6]);
  assert.deepEqual(turn.offered(view({ ...CHOICES, claim: [], provable: [] }), NOTHING, options('any', true)), []);
});

test('a claim beside a staged card is chosen step by step, and every step can be taken back', () => {
  const seen = view(CHOICES);
  const staged = walk(seen, ['chooseCard', 'r10', 'flag'], ['chooseFlag', 0, 'staged']);
  const choosing = turn.chooseClaim(staged, 'choose');
  const chosen = turn.chooseClaim(choosing, 0);
  assert.deepEqual([choosing, chosen].map((state) => turn.step(seen, state)), ['claim', 'claim_staged']);
  for (const state of [choosing, chosen]) {
    assert.deepEqual(turn.line(seen, state), turn.line(seen, staged), 'the staged card stays on the line');
    for (const list of ['cards', 'targets', 'flags', 'decks']) assert(list === 'cards' || turn[list](seen, state).length === 0, list);
    assert(!turn.mayEnd(seen, state));
  }
  assert.deepEqual(turn.claimMoves(seen, chosen, 0), ['r10@0', 'claim 0']);
  assert.deepEqual(turn.undo(seen, chosen), choosing);
  assert.deepEqual(turn.undo(seen, choosing), staged);
});

test('nothing can be done in the other seat\'s turn, nor after the end', () => {
  const waiting = { ...view(null), choices: null };
  assert.equal(turn.step(waiting, NOTHING), 'wait');
  for (const list of ['cards', 'targets', 'flags', 'decks', 'claims']) assert.deepEqual(turn[list](waiting, NOTHING, options('any')), []);
  assert(!turn.mayEnd(waiting, NOTHING));
  assert.equal(turn.step({ ...waiting, ending: { winner: 'first', reason: 'breakthrough' } }, NOTHING), 'over');
});

test('records are read back as they are written', () => {
  const read = (text) => turn.readRecord(text);
  assert.deepEqual(read('r10@3'), { kind: 'place', card: 'r10', flag: 3 });
  assert.deepEqual(read('Re b1@x'), { kind: 'guile', card: 'Re', target: 'b1', flag: 'x' });
  assert.deepEqual(read('Tr g9@2'), { kind: 'guile', card: 'Tr', target: 'g9', flag: 2 });
  assert.deepEqual(read('De g9'), { kind: 'guile', card: 'De', target: 'g9', flag: null });
  assert.deepEqual(read('return t x'), { kind: 'return', cards: ['t', 'x'] });
  assert.deepEqual(read('claim 8'), { kind: 'claim', flag: 8 });
  assert.deepEqual(read('resume'), { kind: 'other', word: 'resume' });
  const log = ['r10@3', 'draw t', 'Tr g9@2', 'draw x', 'claim 3'].map((text) => ({ text }));
  assert.equal(turn.lastLaid(log), 'g9');
  assert.equal(turn.lastLaid([]), null);
});
