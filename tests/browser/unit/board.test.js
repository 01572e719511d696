// What the board and its side panel make of cards, hands and records, without drawing.

import assert from 'node:assert/strict';
import test from 'node:test';

import { arrange, entriesOf, recordWords } from '../../../static/table/board.js';
import { winningFlags } from '../../../static/table/boxes.js';
import { cardName, cardNames, cardOf, colours, endingWords, formationName } from '../../../static/table/turn.js';
import { CARDS } from '../recorded.js';

test('every card has a name of its own, and every colour a symbol of its own', () => {
  assert.equal(new Set([...CARDS].map(cardName)).size, CARDS.size);
  assert.equal(new Set(colours.map(({ symbol }) => symbol)).size, 6);
  assert.equal(cardName('r10'), 'Red 10');
  assert.deepEqual(cardOf('p3'), { tactic: false, colour: 'purple', rank: 3, symbol: 'star', name: 'Purple 3', brief: '3', hint: '' });
  assert.equal(cardNames(['g5', 'g6']), 'Green 5 and Green 6');
  for (const code of CARDS) assert(cardOf(code).tactic === (cardOf(code).hint !== ''), code);
});

test('a formation is named by its kind, under Fog by its sum', () => {
  assert.deepEqual(formationName({ kind: 'wedge', sum: 24 }, false), { name: 'Wedge 24', brief: 'W 24' });
  assert.deepEqual(formationName({ kind: 'host', sum: 19 }, true), { name: 'Sum 19', brief: 'Σ 19' });
});

test('a card keeps its place in the hand, and a new one takes the first free one', () => {
  const first = arrange([], ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7']);
  const played = arrange(first, ['r1', 'r3', 'r4', 'r5', 'r6', 'r7']);
  assert.deepEqual(played, ['r1', null, 'r3', 'r4', 'r5', 'r6', 'r7']);
  assert.deepEqual(arrange(played, ['r1', 'r3', 'r4', 'r5', 'r6', 'r7', 'Sc']), ['r1', 'Sc', 'r3', 'r4', 'r5', 'r6', 'r7']);
  const scouting = arrange(played, ['r1', 'r3', 'r4', 'r5', 'r6', 'r7', 'b1', 'b2', 'b3']);
  assert.deepEqual(scouting, ['r1', 'b1', 'r3', 'r4', 'r5', 'r6', 'r7', 'b2', 'b3']);
  assert.deepEqual(arrange(scouting, ['r1', 'b1', 'r4', 'r5', 'r7', 'b2', 'b3']), ['r1', 'b1', 'b2', 'r4', 'r5', 'b3', 'r7']);
});

test('records are told in words', () => {
  const told = {
    'r10@3': 'Red 10 to flag 4', Sc: 'Scout', 'draw x': 'draws a tactics card', 'return r2 Mu': 'puts back Red 2 and Mud',
    'return t x': 'puts back a troop and a tactics card', 'claim 0': 'claims flag 1', 'De g9': 'Deserter removes Green 9',
    'Tr g9@2': 'Traitor takes Green 9 to flag 3', 'Re b1@5': 'Redeploy moves Blue 1 to flag 6', 'Re b1@x': 'Redeploy discards Blue 1',
    pass: 'passes', resume: 'resumes the game',
  };
  for (const [text, words] of Object.entries(told)) assert.equal(recordWords(text), words);
});

test('draws stand with the play before them', () => {
  const log = /** @type {import('../../../static/protocol.js').LogLine[]} */ ([
    ['first', 'r1@0'], ['first', 'draw t'], ['second', 'claim 3'], ['second', 'Sc'], ['second', 'draw t'], ['second', 'draw x'],
    ['second', 'draw t'], ['second', 'return t x'], ['second', 'end'], ['first', 'pass'],
  ].map(([seat, text]) => ({ seat, text })));
  assert.deepEqual(entriesOf(log).map(({ number, last, text, draws }) => [number, last, text, draws.join('')]), [
    [1, 2, 'r1@0', 't'], [3, 3, 'claim 3', ''], [4, 7, 'Sc', 'txt'], [8, 9, 'return t x', ''], [10, 10, 'pass', ''],
  ]);
});

test('the end names the winner, and shows the flags that made it', () => {
  const names = { first: 'Ann', second: 'Ben' };
  assert.equal(endingWords({ winner: 'first', reason: 'breakthrough' }, names, 'first'), 'You won: three flags in a row');
  assert.equal(endingWords({ winner: 'first', reason: 'resignation' }, names, 'second'), 'Ann won: you resigned');
  assert.equal(endingWords({ winner: 'first', reason: 'resignation' }, names, 'first'), 'You won: Ben resigned');
  assert.equal(endingWords({ winner: 'first', reason: 'absence' }, names, null), 'Ann won: Ben was away too long');
  assert.equal(endingWords({ winner: null, reason: 'stand_off' }, names, 'second'), 'A draw: both players passed');
  const flags = /** @type {any[]} */ ([...'1-1112--1'].map((sign) => ({ owner: { 1: 'first', 2: 'second' }[sign] ?? null })));
  const shown = (reason) => winningFlags(flags, { winner: 'first', reason }).map(Number).join('');
  assert.equal(shown('breakthrough'), '001110000');
  assert.equal(shown('envelopment'), '101110001');
  assert.equal(shown('absence'), '000000000');
});
